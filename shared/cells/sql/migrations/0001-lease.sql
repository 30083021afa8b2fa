-- The lease of the cell that this database belongs to, and the fence before each commit (shared/cells/lease.py).
-- depends:

-- One row. Times are microseconds of this server's clock since 1970. `started` is when the server had started for which
-- the lease was written: a server that has restarted since, or was promoted from a standby, is fenced.
CREATE TABLE lease (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch      bigint  NOT NULL,
    held_until bigint  NOT NULL DEFAULT 0,
    started    bigint  NOT NULL DEFAULT 0
);
INSERT INTO lease (epoch) VALUES (1);

CREATE FUNCTION server_clock() RETURNS bigint LANGUAGE sql VOLATILE
    RETURN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
CREATE FUNCTION server_started() RETURNS bigint LANGUAGE sql STABLE
    RETURN (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint;

-- The time left to the holder of an epoch, in microseconds. Raises ME002, so that a commit after it in the same message
-- does not happen. A lease has at most 4.5 s left, unless the clock has stepped back.
CREATE FUNCTION fence(required bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held public.lease;
    time_left bigint;
BEGIN
    SELECT * INTO held FROM public.lease;
    time_left := held.held_until - public.server_clock();
    IF held.epoch <> required OR held.started <> public.server_started() OR time_left NOT BETWEEN 1 AND 4500000 THEN
        RAISE EXCEPTION 'fenced: epoch % of %, % us left', required, held.epoch, time_left USING ERRCODE = 'ME002';
    END IF;
    RETURN time_left;
END
$$;

DO $$
BEGIN
    EXECUTE 'GRANT SELECT, UPDATE (held_until, started) ON lease TO '
        || quote_ident(replace(current_user, '_owner', ''));
END
$$;
