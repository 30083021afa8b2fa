-- name: feeds_have_no_gaps
-- The positions of a feed are 1, 2, 3 and so on, up to the last one assigned: readers stop before a gap.
SELECT f.user_id AS subject, count(a.position) || ' items up to ' || coalesce(max(a.position), 0) || ' of ' || f.last AS detail
FROM feeds f LEFT JOIN activity a ON a.user_id = f.user_id
GROUP BY f.user_id, f.last
HAVING count(a.position) <> f.last OR coalesce(max(a.position), 0) <> f.last;

-- name: items_are_in_a_feed
-- Every item belongs to a feed.
SELECT a.user_id AS subject, a.stream || ' version ' || a.version AS detail
FROM activity a LEFT JOIN feeds f ON f.user_id = a.user_id
WHERE f.user_id IS NULL;

-- name: deliveries_were_asked_for
-- A webhook is sent only event types that it subscribes to, and tests.
SELECT d.webhook_id AS subject, d.event_type || ' ' || d.id AS detail
FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id
WHERE d.event_type <> ALL (w.events) AND d.event_type <> 'webhook.test';

-- name: disabled_webhooks_rest
-- Nothing waits to be sent to a webhook that is disabled.
SELECT w.id AS subject, count(*) || ' deliveries wait' AS detail
FROM webhooks w JOIN deliveries d ON d.webhook_id = w.id AND d.status = 'pending'
WHERE w.status = 'disabled' GROUP BY w.id;

-- name: deliveries_do_not_wait
-- No delivery to an address that is not resting is overdue by an hour, and none is pending a day past its expiry.
SELECT d.webhook_id AS subject, d.event_type || ' ' || d.id || ', due ' || d.due_at AS detail
FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id
WHERE d.status = 'pending' AND w.status = 'enabled'
  AND (d.due_at < :now::timestamptz - interval '1 hour'
       AND coalesce(w.rests_until, '-infinity') < :now::timestamptz - interval '1 hour'
       OR d.expires_at < :now::timestamptz - interval '1 day');

-- name: items_do_not_wait
-- No item waits longer than an hour to be published.
SELECT a.user_id AS subject, a.stream || ' version ' || a.version || ' of ' || a.at AS detail
FROM unpublished u JOIN activity a ON a.user_id = u.user_id AND a.position = u.position
WHERE to_timestamp(u.revision / 1000000) < :now::timestamptz - interval '1 hour';
