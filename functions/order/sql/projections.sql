-- name: shadow!
-- A temporary table of the same name and shape, which shadows the real one until the transaction ends.
CREATE TEMP TABLE orders (LIKE public.orders INCLUDING ALL) ON COMMIT DROP;

-- name: compare
-- Orders of a range that differ from the projection of their events. Due times and attempts do not come from events, and
-- are not compared.
SELECT coalesce(l.id, r.id) AS subject,
       to_jsonb(l) - '{due_at,attempts}'::text[] AS live, to_jsonb(r) - '{due_at,attempts}'::text[] AS rebuilt
FROM (SELECT * FROM public.orders WHERE id > :after AND (:until::text IS NULL OR id <= :until)) l
FULL JOIN pg_temp.orders r ON r.id = l.id
WHERE to_jsonb(l) - '{due_at,attempts}'::text[] IS DISTINCT FROM to_jsonb(r) - '{due_at,attempts}'::text[]
ORDER BY subject;
