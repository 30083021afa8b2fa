-- name: make_claims
-- The one claim of each order, open or void from the start; returns those that were not there. In a fixed order, so that
-- two transactions that make some of the same cannot end in a deadlock.
INSERT INTO claims (id, key, order_id, user_id, merchant_id, address, items, nonce, status, version, opened_at)
SELECT id, decode(key, 'hex'), order_id, user_id, merchant_id, address, items, nonce, status, 1, :at
FROM jsonb_to_recordset(:claims::jsonb) AS c (id text, key text, order_id text, user_id text, merchant_id text,
    address text, items jsonb, nonce numeric, status text)
ORDER BY id
ON CONFLICT DO NOTHING
RETURNING id;

-- name: find_by_order^
-- The claim of an order.
SELECT * FROM claims WHERE order_id = :order_id;

-- name: lock_by_order^
-- The claim of an order, locked.
SELECT * FROM claims WHERE order_id = :order_id FOR UPDATE;

-- name: find_claim^
-- A claim by id.
SELECT * FROM claims WHERE id = :id;

-- name: lock_claim^
-- A claim by id, locked.
SELECT * FROM claims WHERE id = :id FOR UPDATE;

-- name: lock_by_key^
-- The claim that the contract of a chain knows by a key, locked.
SELECT * FROM claims WHERE key = :key AND chain_id = :chain_id FOR UPDATE;

-- name: save_claim!
-- Store the new state of a claim: its voucher is stored before it is returned.
UPDATE claims SET status = :status, version = :version, recipient = :recipient, voucher = :voucher,
    deadline = :deadline, claimed_at = :claimed_at, processed_at = :processed_at, attempts = :attempts,
    failures = :failures, due_at = :due_at, failure = :failure, failure_code = :failure_code,
    transaction_hash = :transaction_hash, block_number = :block_number, block_hash = :block_hash, doubted = :orphaned
WHERE id = :id;

-- name: list_due
-- Claims that the relayer is to redeem now, the longest due first.
SELECT * FROM claims c
WHERE status IN ('claimed', 'processing') AND chain_id = :chain_id AND due_at <= :now AND claimed_at <= :claimed_before
  AND NOT EXISTS (SELECT FROM job_failures f WHERE f.job = 'process_claims' AND f.item = c.id AND f.next_try_at > :now)
  -- A claim whose redemption was orphaned may still have a transaction in flight.
  AND NOT EXISTS (SELECT FROM sendings s WHERE s.subject = c.id || ' ' || c.attempts AND s.status = 'pending')
ORDER BY due_at LIMIT :most;

-- name: list_sent
-- The transactions that were stored to redeem a claim.
SELECT sender, nonce, status FROM sendings WHERE chain_id = :chain_id AND subject = ANY(:subjects::text[]);

-- name: mark_orphaned!
-- Mark claims that were honoured in orphaned blocks.
UPDATE claims SET doubted = true WHERE chain_id = :chain_id AND block_number > :above;

-- name: list_orphaned
-- Orphaned claims that were not found honoured again although the chain was read beyond their blocks.
SELECT c.id FROM claims c JOIN chain_cursors r ON r.chain_id = c.chain_id
WHERE c.chain_id = :chain_id AND c.doubted AND c.block_number <= r.number
  AND NOT EXISTS (SELECT FROM honoured h WHERE h.key = c.key)
  AND NOT EXISTS (SELECT FROM job_failures f
                  WHERE f.job = 'watch_redemptions' AND f.item = c.id AND f.next_try_at > :now)
ORDER BY c.id LIMIT :most;

-- name: record_honoured!
-- Store a claim that the contract has honoured; after a reorganisation, with its new transaction.
INSERT INTO honoured (key, chain_id, transaction_hash, block_number, block_hash, recipient)
VALUES (:key, :chain_id, :transaction_hash, :block_number, :block_hash, :recipient)
ON CONFLICT (key) DO UPDATE SET transaction_hash = excluded.transaction_hash, block_number = excluded.block_number,
    block_hash = excluded.block_hash, recipient = excluded.recipient;

-- name: list_honoured
-- Honoured claims that are not applied yet, in the order of the chain.
SELECT h.* FROM honoured h
WHERE h.chain_id = :chain_id
  AND NOT EXISTS (SELECT FROM job_failures f
                  WHERE f.job = 'watch_redemptions' AND f.item = encode(h.key, 'hex') AND f.next_try_at > :now)
ORDER BY h.block_number, h.key LIMIT :most;

-- name: consume_honoured!
-- Delete an honoured claim in order to apply it; 0 rows if it was applied, or its block orphaned.
DELETE FROM honoured WHERE key = :key AND transaction_hash = :transaction_hash AND block_hash = :block_hash;

-- name: drop_honoured!
-- Delete honoured claims of orphaned blocks.
DELETE FROM honoured WHERE chain_id = :chain_id AND block_number > :above;

-- name: list_claims
-- A user's claims, newest first, beyond one already shown.
SELECT * FROM claims
WHERE user_id = :user_id AND status NOT IN ('open', 'voided')
  AND (:status::text IS NULL OR status = :status)
  AND (:after::text IS NULL OR id < :after)
ORDER BY id DESC LIMIT :most;

-- name: find_receipt^
-- The receipt that was issued for a state of a claim.
SELECT kid, receipt FROM receipts WHERE claim_id = :claim_id AND state = :state;

-- name: keep_receipt$
-- Store a receipt, unless there is one whose key is published. Returns the stored one.
INSERT INTO receipts (claim_id, state, kid, receipt, given_at) VALUES (:claim_id, :state, :kid, :receipt, :at)
ON CONFLICT (claim_id, state) DO UPDATE SET
    kid = CASE WHEN receipts.kid = ANY(:published::text[]) THEN receipts.kid ELSE excluded.kid END,
    given_at = CASE WHEN receipts.kid = ANY(:published::text[]) THEN receipts.given_at ELSE excluded.given_at END,
    receipt = CASE WHEN receipts.kid = ANY(:published::text[]) THEN receipts.receipt ELSE excluded.receipt END
RETURNING receipt;
