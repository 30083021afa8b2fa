-- An event's trace is stored in a third of the space: every event of an order has one.
-- depends: 0005-kept-types
-- compatible: pack_trace, because the release that serves reads such metadata as empty, and begins another trace there

-- The 25 bytes of a traceparent (version 00), and the request's id: after a 1 as 16 bytes if it is a UUID, after a 0 as text.
ALTER TABLE events ADD COLUMN trace bytea;

-- What metadata is packed into; none if it is not a request's id and its traceparent.
CREATE FUNCTION packed_trace(metadata jsonb) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT decode(translate(substr(metadata ->> 'traceparent', 4), '-', ''), 'hex') || CASE
        WHEN metadata ->> 'request_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            THEN '\x01'::bytea || decode(translate(metadata ->> 'request_id', '-', ''), 'hex')
        ELSE '\x00'::bytea || convert_to(metadata ->> 'request_id', 'UTF8') END
    WHERE metadata ->> 'traceparent' ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' AND metadata ? 'request_id'
        AND metadata - '{request_id,traceparent}'::text[] = '{}'
$$;

-- An event's metadata, however it is stored.
CREATE FUNCTION metadata_of(metadata jsonb, trace bytea) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN trace IS NULL THEN metadata ELSE jsonb_build_object(
        'request_id', CASE get_byte(trace, 25)
            WHEN 1 THEN encode(substr(trace, 27), 'hex')::uuid::text ELSE convert_from(substr(trace, 27), 'UTF8') END,
        'traceparent', '00-' || encode(substr(trace, 1, 16), 'hex') || '-' || encode(substr(trace, 17, 8), 'hex')
            || '-' || encode(substr(trace, 25, 1), 'hex')) END
$$;

-- A trigger, so that whatever appends need not know it.
CREATE FUNCTION pack_trace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.trace := public.packed_trace(NEW.metadata);
    IF NEW.trace IS NOT NULL THEN
        NEW.metadata := '{}';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER pack_trace BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION pack_trace();

-- Responses to repeat are written when their keys are leased, small, and once more with the response: beside the first version,
-- which needs room for it, no index has to know.
ALTER TABLE idempotency_keys SET (fillfactor = 40);
