-- name: register_address!
-- Register a wallet's deposit address.
INSERT INTO deposit_addresses (chain_id, wallet_id, key, address, created_at)
VALUES (:chain_id, :wallet_id, :key, :address, :at) ON CONFLICT DO NOTHING;

-- name: is_deposit_address$
-- Whether an address is a registered deposit address.
SELECT EXISTS (SELECT FROM deposit_addresses WHERE chain_id = :chain_id AND address = :address);

-- name: list_in_turn
-- Registered addresses in round-robin order after the last one served, without those that back off.
WITH turn AS (
    SELECT coalesce((SELECT wallet_id FROM collection_turns WHERE chain_id = :chain_id AND currency = :currency), '') AS last
), refused AS (
    SELECT item FROM job_failures WHERE job = 'collect_deposits' AND next_try_at > :now
)
SELECT wallet_id, key FROM (
    (SELECT 1 AS round, wallet_id, key FROM deposit_addresses, turn WHERE chain_id = :chain_id AND wallet_id > turn.last
        AND :currency || ' ' || wallet_id NOT IN (SELECT item FROM refused) ORDER BY wallet_id LIMIT :most)
    UNION ALL
    (SELECT 2, wallet_id, key FROM deposit_addresses, turn WHERE chain_id = :chain_id AND wallet_id <= turn.last
        AND :currency || ' ' || wallet_id NOT IN (SELECT item FROM refused) ORDER BY wallet_id LIMIT :most)
) a ORDER BY round, wallet_id LIMIT :most;

-- name: list_own_keys
-- Those of some keys whose deposit addresses are registered.
SELECT key FROM deposit_addresses WHERE chain_id = :chain_id AND key = ANY(:keys::bytea[]);

-- name: lock_cursor^
-- How far the chain was read, locked: nobody reads on before the end of the transaction.
SELECT number, hash FROM chain_cursors WHERE chain_id = :chain_id FOR UPDATE;

-- name: list_doubtful
-- Unattributed deposits that may be another cell's: not all have been asked, or one may have registered the address
-- since.
SELECT * FROM deposits
WHERE chain_id = :chain_id AND status = 'unattributed' AND NOT doubted AND (NOT disowned OR updated_at > :since)
ORDER BY disowned, id LIMIT :most;

-- name: mark_disowned!
-- Whether every other cell has disowned deposits.
UPDATE deposits SET disowned = :disowned
WHERE chain_id = :chain_id AND status = 'unattributed' AND disowned <> :disowned
  AND (transaction_hash, position) IN (SELECT * FROM unnest(:hashes::text[], :positions::bigint[]));

-- name: drop_others!
-- Deposits that another cell has taken on.
DELETE FROM deposits WHERE chain_id = :chain_id AND status = 'unattributed'
  AND (transaction_hash, position) IN (SELECT * FROM unnest(:hashes::text[], :positions::bigint[]));

-- name: end_turn!
-- Move the round-robin position.
INSERT INTO collection_turns (chain_id, currency, wallet_id) VALUES (:chain_id, :currency, :wallet_id)
ON CONFLICT (chain_id, currency) DO UPDATE SET wallet_id = excluded.wallet_id;

-- name: mark_orphaned!
-- Mark deposits of orphaned blocks.
UPDATE deposits SET doubted = true WHERE chain_id = :chain_id AND block_number > :above AND status <> 'reversed';

-- name: list_orphaned
-- Orphaned deposits that were not found again although the chain was read beyond their blocks.
SELECT d.id FROM deposits d JOIN chain_cursors c ON c.chain_id = d.chain_id
WHERE d.chain_id = :chain_id AND d.doubted AND d.block_number <= c.number
  AND NOT EXISTS (SELECT FROM job_failures f WHERE f.job = 'watch_deposits' AND f.item = d.id AND f.next_try_at > :now)
ORDER BY d.id LIMIT :most;

-- name: lock_orphaned^
-- One of them, locked, if it still is.
SELECT d.* FROM deposits d JOIN chain_cursors c ON c.chain_id = d.chain_id
WHERE d.id = :id AND d.doubted AND d.block_number <= c.number FOR UPDATE OF d;

-- name: list_uncredited
-- Unattributed deposits for whose key a wallet is registered.
SELECT d.id FROM deposits d JOIN deposit_addresses a ON (a.chain_id, a.key) = (d.chain_id, d.wallet_key)
WHERE d.chain_id = :chain_id AND d.status = 'unattributed' AND NOT d.doubted
  AND NOT EXISTS (SELECT FROM job_failures f WHERE f.job = 'watch_deposits' AND f.item = d.id AND f.next_try_at > :now)
ORDER BY d.id LIMIT :most;

-- name: lock_uncredited^
-- One of them, locked, if it still is.
SELECT * FROM deposits WHERE id = :id AND status = 'unattributed' AND NOT doubted FOR UPDATE;

-- name: find_deposit^
-- A deposit by its place in its transaction, locked.
SELECT * FROM deposits
WHERE chain_id = :chain_id AND transaction_hash = :transaction_hash AND position = :position FOR UPDATE;

-- name: find_owner^
-- The wallet that receives deposits for a key, and its owner: the default wallet in place of a closed one.
SELECT w.id AS wallet_id, w.user_id, CASE WHEN w.id = meant.id THEN '' ELSE meant.id END AS in_place_of
FROM deposit_addresses d JOIN wallets meant ON meant.id = d.wallet_id
JOIN wallets w ON w.user_id = meant.user_id AND CASE WHEN meant.status = 'open' THEN w.id = meant.id ELSE w.is_default END
WHERE d.chain_id = :chain_id AND d.key = :key;

-- name: save_deposit!
-- Insert or update a deposit.
INSERT INTO deposits (id, chain_id, transaction_hash, position, block_number, block_hash, wallet_key, wallet_id, user_id,
    currency, amount, status, transfer_id, version, updated_at)
VALUES (:id, :chain_id, :transaction_hash, :position, :block_number, :block_hash, :wallet_key, :wallet_id, :user_id,
    :currency, :amount, :status, :transfer_id, :version, :at)
ON CONFLICT (id) DO UPDATE SET block_number = excluded.block_number, block_hash = excluded.block_hash, doubted = false,
    wallet_key = excluded.wallet_key, wallet_id = excluded.wallet_id, user_id = excluded.user_id,
    currency = excluded.currency, amount = excluded.amount, status = excluded.status,
    transfer_id = excluded.transfer_id, version = excluded.version, updated_at = excluded.updated_at;

-- name: booked
-- Sums of deposits up to a block that are not reversed.
SELECT currency, sum(amount) AS amount FROM deposits
WHERE chain_id = :chain_id AND block_number <= :up_to AND status <> 'reversed' GROUP BY currency;

-- name: balances_at
-- The balances of all wallets together and of each system account, now or at a past time.
SELECT CASE WHEN starts_with(account, 'wal_') THEN 'wallets' ELSE account END AS holder, currency, sum(amount) AS amount
FROM entries WHERE :at::timestamptz IS NULL OR created_at <= :at GROUP BY holder, currency;

-- name: booked_beyond
-- Sums of deposits that are in the ledger, now or at a past time, but not in the chain up to a block: they are in later
-- blocks, or were reversed since.
SELECT d.currency, sum(d.amount) AS amount FROM deposits d JOIN transfers t ON t.id = d.transfer_id
WHERE d.chain_id = :chain_id AND (d.block_number > :number OR d.status = 'reversed')
  AND (:at::timestamptz IS NULL OR t.created_at <= :at)
  AND NOT EXISTS (SELECT FROM transfers r WHERE r.kind = 'reversal' AND r.reference = d.transfer_id
                  AND (:at::timestamptz IS NULL OR r.created_at <= :at))
GROUP BY d.currency;

-- name: list_booked_withdrawals
-- Withdrawals that are debited in the ledger, now or at a past time.
SELECT reference AS id FROM transfers
WHERE kind = 'withdrawal' AND (:at::timestamptz IS NULL OR created_at <= :at);

-- name: list_withdrawals
-- All withdrawals on a chain.
SELECT * FROM withdrawals WHERE chain_id = :chain_id;

-- name: request_withdrawal!
-- Insert a requested withdrawal.
INSERT INTO withdrawals (id, wallet_id, user_id, currency, amount, fee, to_address, chain_id, hold_id, status,
    transaction_hash, failure, version, created_at, updated_at)
VALUES (:id, :wallet_id, :user_id, :currency, :amount, :fee, :to_address, :chain_id, :hold_id, 'requested', '', '', 1,
    :at, :at);

-- name: find_withdrawal^
-- A withdrawal.
SELECT * FROM withdrawals WHERE id = :id;

-- name: lock_withdrawal^
-- A withdrawal, locked.
SELECT * FROM withdrawals WHERE id = :id FOR UPDATE;

-- name: list_unsigned
-- Withdrawals without a signed transaction that do not back off. Users take turns: each user's oldest comes before any
-- user's next.
SELECT w.* FROM withdrawals w
JOIN (SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY id) AS turn FROM withdrawals r
      WHERE status = 'requested' AND chain_id = :chain_id
        AND NOT EXISTS (SELECT FROM sendings s WHERE s.subject = r.id)
        AND NOT EXISTS (SELECT FROM cancellations c WHERE c.withdrawal_id = r.id)
        AND NOT EXISTS (SELECT FROM job_failures f
                        WHERE f.job = 'send_withdrawals' AND f.item = r.id AND f.next_try_at > :now)) t ON t.id = w.id
ORDER BY t.turn, w.id LIMIT :most;

-- name: save_withdrawal!
-- Store the new state of a withdrawal; 0 rows when another change came first.
UPDATE withdrawals SET status = :status, transaction_hash = :transaction_hash, failure = :failure, version = :version,
    updated_at = :at
WHERE id = :id AND version = :version - 1;

-- name: request_cancellation!
-- Note that a withdrawal is to fail; the first reason stays.
INSERT INTO cancellations (withdrawal_id, failure, requested_at) VALUES (:withdrawal_id, :failure, :at)
ON CONFLICT DO NOTHING;

-- name: find_cancellation$
-- Why a withdrawal is to fail.
SELECT failure FROM cancellations WHERE withdrawal_id = :withdrawal_id;

-- name: list_due_cancellations
-- Withdrawals whose payment is to be cancelled: each user's oldest that does not back off, of users without a transaction
-- for one under way, so that nobody can have the treasury pay for many at once.
WITH waiting AS (
    SELECT w.*, c.failure AS reason, c.attempts,
           EXISTS (SELECT FROM sendings s WHERE s.subject = w.id || '#' || c.attempts AND s.status = 'pending') AS pending,
           EXISTS (SELECT FROM job_failures f
                   WHERE f.job = 'send_withdrawals' AND f.item = w.id AND f.next_try_at > :now) AS backs_off
    FROM cancellations c JOIN withdrawals w ON w.id = c.withdrawal_id
    WHERE w.chain_id = :chain_id AND w.status IN ('requested', 'sent'))
SELECT DISTINCT ON (user_id) id, reason, attempts FROM waiting w
WHERE NOT backs_off AND NOT EXISTS (SELECT FROM waiting p WHERE p.user_id = w.user_id AND p.pending)
ORDER BY user_id, id LIMIT :most;

-- name: count_cancellation!
-- Note that one more transaction was signed to cancel a payment; no row if another was meanwhile.
UPDATE cancellations SET attempts = attempts + 1 WHERE withdrawal_id = :withdrawal_id AND attempts = :attempts;
