-- name: feeds_have_no_gaps
-- The places of a feed are 1, 2, 3 and so on, up to the last one that was given: readers stop before a gap.
SELECT f.user_id AS subject, count(a.position) || ' items up to ' || coalesce(max(a.position), 0) || ' of ' || f.last AS detail
FROM feeds f LEFT JOIN activity a ON a.user_id = f.user_id
GROUP BY f.user_id, f.last
HAVING count(a.position) <> f.last OR coalesce(max(a.position), 0) <> f.last;

-- name: items_are_in_a_feed
-- An item has its place in a feed that knows of it.
SELECT a.user_id AS subject, a.stream || ' version ' || a.version AS detail
FROM activity a LEFT JOIN feeds f ON f.user_id = a.user_id
WHERE f.user_id IS NULL;

-- name: deliveries_were_asked_for
-- A webhook is sent nothing that was not asked for, but for tests.
SELECT d.webhook_id AS subject, d.event_type || ' ' || d.id AS detail
FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id
WHERE d.event_type <> ALL (w.events) AND d.event_type <> 'webhook.test';

-- name: disabled_webhooks_rest
-- Nothing waits to be sent to a webhook that is disabled.
SELECT w.id AS subject, count(*) || ' deliveries wait' AS detail
FROM webhooks w JOIN deliveries d ON d.webhook_id = w.id AND d.status = 'pending'
WHERE w.status = 'disabled' GROUP BY w.id;

-- name: deliveries_do_not_wait
-- No delivery waits for an hour beyond its time to be sent to an address that does not rest, or to be given up.
SELECT d.webhook_id AS subject, d.event_type || ' ' || d.id || ', due ' || d.due_at AS detail
FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id
WHERE d.status = 'pending' AND w.status = 'enabled'
  AND (d.due_at < :now::timestamptz - interval '1 hour'
       AND coalesce(w.rests_until, '-infinity') < :now::timestamptz - interval '1 hour'
       OR d.expires_at < :now::timestamptz - interval '1 day');

-- name: items_do_not_wait
-- No item waits for an hour to be seen by readers.
SELECT user_id AS subject, stream || ' version ' || version || ' of ' || at AS detail
FROM activity
WHERE published IS DISTINCT FROM revision
  AND to_timestamp(revision / 1000000) < :now::timestamptz - interval '1 hour';
