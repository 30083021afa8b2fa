-- name: paid_orders_were_captured
-- The money of a paid order is, or was, in escrow.
SELECT o.id AS subject, 'no escrow' AS detail
FROM unnest(:order_ids::text[]) AS o (id) WHERE NOT EXISTS (SELECT FROM escrows e WHERE e.order_id = o.id);

-- name: money_went_where_its_order_says
-- What a refunded order paid went back to the wallet it came from, what a claimed or matured one paid to the merchant.
SELECT o.id AS subject, 'escrow ' || coalesce(e.status, 'missing') || ', transfer ' || coalesce(t.id, 'missing') AS detail
FROM (SELECT unnest(:refunded_ids::text[]) AS id, 'refunded' AS status, 'refund' AS kind
      UNION ALL SELECT unnest(:earned_ids::text[]), 'settled', 'settlement') o
LEFT JOIN escrows e ON e.order_id = o.id
LEFT JOIN transfers t ON t.order_id = o.id AND t.kind = o.kind
WHERE e.status IS DISTINCT FROM o.status OR t.id IS NULL;
