-- What the order service tells operators about an order.

-- name: streams
-- The streams of events about it.
SELECT id AS stream FROM orders WHERE id = :order_id;
