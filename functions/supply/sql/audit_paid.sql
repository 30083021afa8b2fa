-- name: paid_orders_are_sold
-- Whatever a paid order reserved is sold, and it reserved something; only a refund returns it to stock.
SELECT o.id AS subject, coalesce(string_agg(r.id || ' ' || r.status, ', '), 'no reservations') AS detail
FROM unnest(:order_ids::text[]) AS o (id) LEFT JOIN reservations r ON r.order_id = o.id
GROUP BY o.id
HAVING coalesce(bool_or(
    r.status <> 'committed'
    -- A refund that the list of orders is too old to know of may have returned it just now.
    AND NOT (r.status = 'returned' AND (o.id = ANY(:refunded_ids::text[]) OR r.ended_at > now() - interval '5 minutes'))
), true);
