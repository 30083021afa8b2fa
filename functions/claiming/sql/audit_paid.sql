-- name: paid_orders_have_one_claim
-- A paid order has its one claim: open, handed out or voided.
SELECT o.id AS subject, count(c.id) || ' claims' AS detail
FROM unnest(:order_ids::text[]) AS o (id) LEFT JOIN claims c ON c.order_id = o.id
GROUP BY o.id HAVING count(c.id) <> 1;
