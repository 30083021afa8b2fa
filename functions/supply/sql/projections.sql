-- name: shadow!
-- A temporary table of the same name and shape, which shadows the real one until the transaction ends.
CREATE TEMP TABLE supplies (LIKE public.supplies INCLUDING ALL) ON COMMIT DROP;

-- name: compare
-- Copies of other cells' supplies in a range that differ from the projection of their events. When one was archived is
-- noted by this cell's clock, and a version of stock only grows.
SELECT coalesce(l.id, r.id) AS subject,
       to_jsonb(l) - '{updated_at,home_stock_version}'::text[] AS live,
       to_jsonb(r) - '{updated_at,home_stock_version}'::text[] AS rebuilt
FROM (SELECT * FROM public.supplies
      WHERE home_quantity IS NOT NULL AND id > :after AND (:until::text IS NULL OR id <= :until)) l
FULL JOIN pg_temp.supplies r ON r.id = l.id
WHERE to_jsonb(l) - '{updated_at,home_stock_version}'::text[]
    IS DISTINCT FROM to_jsonb(r) - '{updated_at,home_stock_version}'::text[]
ORDER BY subject;
