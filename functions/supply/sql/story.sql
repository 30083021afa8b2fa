-- What the supply service tells operators about an order.

-- name: streams
-- The streams of events about it: a reservation for each of its lines.
SELECT id AS stream FROM reservations WHERE order_id = :order_id ORDER BY id;
