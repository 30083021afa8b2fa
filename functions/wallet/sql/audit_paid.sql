-- name: paid_orders_were_captured
-- The money of a paid order is, or was, in escrow.
SELECT o.id AS subject, 'no escrow' AS detail
FROM unnest(:order_ids::text[]) AS o (id) WHERE NOT EXISTS (SELECT FROM escrows e WHERE e.order_id = o.id);
