-- name: paid_orders_have_one_claim
-- A paid order has its one claim: open, handed out or voided.
SELECT o.id AS subject, count(c.id) || ' claims' AS detail
FROM unnest(:order_ids::text[]) AS o (id) LEFT JOIN claims c ON c.order_id = o.id
GROUP BY o.id HAVING count(c.id) <> 1;

-- name: claims_are_as_their_orders_say
-- There never is a voucher for a refunded order, and always an open or handed out claim for any other.
SELECT o.id AS subject, 'claim ' || c.status AS detail
FROM unnest(:refunded_ids::text[]) AS o (id) JOIN claims c ON c.order_id = o.id WHERE c.status <> 'voided'
UNION ALL
SELECT o.id, 'claim ' || c.status
FROM unnest(:earned_ids::text[]) AS o (id) JOIN claims c ON c.order_id = o.id WHERE c.status = 'voided';
