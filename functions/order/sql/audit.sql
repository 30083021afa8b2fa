-- name: orders_follow_their_events
-- The projection of an order is at the version of its stream.
SELECT o.id AS subject, 'version ' || o.version || ', events say ' || coalesce(max(e.version), 0) AS detail
FROM orders o LEFT JOIN events e ON e.stream = o.id
GROUP BY o.id, o.version HAVING o.version <> coalesce(max(e.version), 0);

-- name: orders_have_one_outcome
-- An order is confirmed or comes to nothing before; a paid one never comes to nothing.
SELECT stream AS subject, string_agg(type, ', ' ORDER BY version) AS detail
FROM events WHERE stream LIKE 'ord%' AND (:at::timestamptz IS NULL OR recorded_at <= :at) GROUP BY stream
HAVING count(*) FILTER (WHERE type IN ('order.failed', 'order.cancelled', 'order.expired')) > 1
    OR bool_or(type = 'order.paid') AND bool_or(type IN ('order.failed', 'order.cancelled', 'order.expired'))
    OR count(*) FILTER (WHERE type = 'order.paid') > 1;

-- name: money_has_one_end
-- The money of a paid order goes back to its buyer or on to its merchant, never both ways; each happens once.
SELECT stream AS subject, string_agg(type, ', ' ORDER BY version) AS detail
FROM events WHERE stream LIKE 'ord%' AND (:at::timestamptz IS NULL OR recorded_at <= :at) GROUP BY stream
HAVING bool_or(type = 'order.refunded') AND bool_or(type IN ('order.claimed', 'order.matured', 'order.refund_refused'))
    OR count(*) FILTER (WHERE type IN ('order.refunded', 'order.refund_refused')) > 1
    OR count(*) FILTER (WHERE type = 'order.refund_requested') > 1
    OR count(*) FILTER (WHERE type = 'order.claimed') > 1
    OR count(*) FILTER (WHERE type = 'order.matured') > 1
    OR count(*) FILTER (WHERE type = 'order.completed') > 1
    OR bool_or(type IN ('order.claimed', 'order.matured', 'order.refund_requested')) AND NOT bool_or(type = 'order.paid');

-- name: nobody_is_forgotten
-- What somebody has to look after has a time at which they do.
SELECT id AS subject, stage || ' without a time' AS detail
FROM orders WHERE (due_at IS NULL) <> (stage NOT IN ('pending', 'refunding', 'paid'));
