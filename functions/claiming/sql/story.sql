-- What the claiming service tells operators about an order.

-- name: streams
-- The streams of events about it: its claim.
SELECT id AS stream FROM claims WHERE order_id = :order_id;

-- name: claim
-- Its claim, and what the chain has of it.
SELECT id, status, coalesce(recipient, '') AS recipient, chain_id, coalesce(transaction_hash, '') AS transaction_hash,
    coalesce(block_number, 0) AS block_number, failure
FROM claims WHERE order_id = :order_id;
