-- name: paid_orders_are_sold
-- Whatever a paid order reserved is sold, and it reserved something.
SELECT o.id AS subject, coalesce(string_agg(r.id || ' ' || r.status, ', '), 'no reservations') AS detail
FROM unnest(:order_ids::text[]) AS o (id) LEFT JOIN reservations r ON r.order_id = o.id
GROUP BY o.id HAVING coalesce(bool_or(r.status <> 'committed'), true);
