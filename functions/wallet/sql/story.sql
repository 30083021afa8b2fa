-- What the wallet service tells operators about an order.

-- name: streams
-- The streams of events about it: its hold, and the transfers of its money.
SELECT id AS stream FROM holds WHERE id = 'hld' || substr(:order_id::text, 4)
UNION ALL
SELECT id FROM transfers WHERE kind IN ('capture', 'settlement', 'refund') AND order_id = :order_id;

-- name: postings
-- What its transfers have moved, in the order of the ledger.
SELECT t.id AS transfer_id, t.kind, e.account, e.currency, e.amount::text AS amount, t.created_at AS at
FROM transfers t JOIN entries e ON e.transfer_id = t.id
WHERE t.kind IN ('capture', 'settlement', 'refund') AND t.order_id = :order_id
ORDER BY t.created_at, t.id, e.position;
