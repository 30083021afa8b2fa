-- name: shadow!
-- Temporary tables of the same names and shapes, which shadow the real ones until the transaction ends; without webhooks
-- in them, so that nothing is delivered.
DO $$
BEGIN
    CREATE TEMP TABLE feeds (LIKE public.feeds INCLUDING ALL) ON COMMIT DROP;
    CREATE TEMP TABLE activity (LIKE public.activity INCLUDING ALL) ON COMMIT DROP;
    CREATE TEMP TABLE webhooks (LIKE public.webhooks INCLUDING ALL) ON COMMIT DROP;
    CREATE TEMP TABLE deliveries (LIKE public.deliveries INCLUDING ALL) ON COMMIT DROP;
END
$$;

-- name: compare
-- Items of a range of streams that differ from the projection of their events. Positions are not compared, since they
-- depend on the order of arrival; nor are the service's own notices (whk_), which come from no other service's stream.
SELECT coalesce(l.subject, r.subject) AS subject, l.item AS live, r.item AS rebuilt
FROM (
    SELECT stream || ' version ' || version || ' for ' || user_id AS subject,
           to_jsonb(a) - '{position,revision,published}'::text[] AS item
    FROM public.activity a
    WHERE type <> '' AND stream > :after AND (:until::text IS NULL OR stream <= :until) AND stream NOT LIKE 'whk\_%'
) l
FULL JOIN (
    SELECT stream || ' version ' || version || ' for ' || user_id AS subject,
           to_jsonb(a) - '{position,revision,published}'::text[] AS item
    FROM pg_temp.activity a
) r ON r.subject = l.subject
WHERE l.item IS DISTINCT FROM r.item
ORDER BY subject;
