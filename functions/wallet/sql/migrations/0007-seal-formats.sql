-- Seals over an encoding that can be read in one way only, beside those that were made before.
-- depends: 0006-withdrawal-terms

-- How what a seal covers was written down: 1 joined the columns of an entry with bars, so that a text could move from
-- one column into another; 2 writes every column with its length. It stays 1 by default for whoever seals as before.
ALTER TABLE seals ADD COLUMN format integer NOT NULL DEFAULT 1;

-- A value as bytes from which it can be told alone: whether there is one, its length, and itself.
CREATE FUNCTION sealed_value(value text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value IS NULL THEN '\x00'::bytea
           ELSE '\x01'::bytea || int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') END
$$;

-- What a seal of a format says of a range of transactions: how many entries, and the hash over the seal before it, the
-- seal's own columns, and all columns of its transfers and their entries. No hash for a format that is none.
CREATE FUNCTION sealed(format integer, number bigint, before bytea, from_transaction xid8, to_transaction xid8,
    sealed_at timestamptz, OUT entries bigint, OUT hash bytea) LANGUAGE plpgsql STABLE AS $$
DECLARE
    former text;
    content bytea;
BEGIN
    IF format = 1 THEN
        SELECT b.entries, b.content INTO entries, former FROM sealed_batch(from_transaction, to_transaction) b;
        hash := sha256(before || convert_to(former, 'UTF8'));
        RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE l.kind = 'entry'), coalesce(string_agg(l.line, '' ORDER BY l.kind, l.place, l.id), '')
    INTO entries, content
    FROM (
        SELECT 'entry' AS kind, e.position AS place, e.account COLLATE "C" AS id,
               sealed_value('entry') || sealed_value(e.account) || sealed_value(e.position::text)
               || sealed_value(e.transfer_id) || sealed_value(e.currency) || sealed_value(e.amount::text)
               || sealed_value(e.balance_after::text) || sealed_value(extract(epoch FROM e.created_at)::text) AS line
        FROM public.transfers t JOIN public.entries e ON e.transfer_id = t.id
        WHERE t.transaction >= sealed.from_transaction AND t.transaction < sealed.to_transaction
        UNION ALL
        SELECT 'transfer', 0, t.id COLLATE "C",
               sealed_value('transfer') || sealed_value(t.id) || sealed_value(t.kind) || sealed_value(t.reference)
               || sealed_value(t.order_id) || sealed_value(extract(epoch FROM t.created_at)::text)
               || sealed_value(t.transaction::text)
        FROM public.transfers t
        WHERE t.transaction >= sealed.from_transaction AND t.transaction < sealed.to_transaction
    ) l;
    IF format = 2 THEN
        hash := sha256(sealed_value(encode(before, 'hex')) || sealed_value(format::text) || sealed_value(number::text)
            || sealed_value(from_transaction::text) || sealed_value(to_transaction::text) || sealed_value(entries::text)
            || sealed_value(extract(epoch FROM sealed_at)::text) || content);
    END IF;
END
$$;
