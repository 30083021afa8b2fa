-- name: shadow!
-- A table of the same name and shape, which comes before the real one and is gone with its transaction.
CREATE TEMP TABLE orders (LIKE public.orders INCLUDING ALL) ON COMMIT DROP;

-- name: compare
-- Orders of a range that are not what their events make of them. When somebody looks after one, and how often that was
-- in vain, is no fact.
SELECT coalesce(l.id, r.id) AS subject,
       to_jsonb(l) - '{due_at,attempts}'::text[] AS live, to_jsonb(r) - '{due_at,attempts}'::text[] AS rebuilt
FROM (SELECT * FROM public.orders WHERE id > :after AND (:until::text IS NULL OR id <= :until)) l
FULL JOIN pg_temp.orders r ON r.id = l.id
WHERE to_jsonb(l) - '{due_at,attempts}'::text[] IS DISTINCT FROM to_jsonb(r) - '{due_at,attempts}'::text[]
ORDER BY subject;
