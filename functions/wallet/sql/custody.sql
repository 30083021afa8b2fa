-- name: hand_out_address!
-- Watch a wallet's deposit address from now on.
INSERT INTO deposit_addresses (chain_id, wallet_id, key, address, created_at)
VALUES (:chain_id, :wallet_id, :key, :address, :at) ON CONFLICT DO NOTHING;

-- name: is_handed_out$
-- Whether an address is a deposit address that somebody was told of.
SELECT EXISTS (SELECT FROM deposit_addresses WHERE chain_id = :chain_id AND address = :address);

-- name: list_in_turn
-- Addresses that were handed out, those after the one that had its turn last first, but what was refused just now.
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

-- name: take_turn!
-- Addresses up to one have had their turn.
INSERT INTO collection_turns (chain_id, currency, wallet_id) VALUES (:chain_id, :currency, :wallet_id)
ON CONFLICT (chain_id, currency) DO UPDATE SET wallet_id = excluded.wallet_id;

-- name: doubt_deposits!
-- Deposits of blocks that are no longer part of the chain.
UPDATE deposits SET doubted = true WHERE chain_id = :chain_id AND block_number > :above AND status <> 'reversed';

-- name: list_forgotten
-- Deposits that should have been found again by now: the chain was read beyond where they were.
SELECT d.id FROM deposits d JOIN chain_cursors c ON c.chain_id = d.chain_id
WHERE d.chain_id = :chain_id AND d.doubted AND d.block_number <= c.number
  AND NOT EXISTS (SELECT FROM job_failures f WHERE f.job = 'watch_deposits' AND f.item = d.id AND f.next_try_at > :now)
ORDER BY d.id LIMIT :most;

-- name: lock_forgotten^
-- One of them, locked, if it still is.
SELECT d.* FROM deposits d JOIN chain_cursors c ON c.chain_id = d.chain_id
WHERE d.id = :id AND d.doubted AND d.block_number <= c.number FOR UPDATE OF d;

-- name: list_uncredited
-- Deposits that no wallet has, though there is one for their key.
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
-- The wallet that receives what comes for a key, and its owner: their default wallet in place of a closed one.
SELECT w.id AS wallet_id, w.user_id, CASE WHEN w.id = meant.id THEN '' ELSE meant.id END AS in_place_of
FROM deposit_addresses d JOIN wallets meant ON meant.id = d.wallet_id
JOIN wallets w ON w.user_id = meant.user_id AND CASE WHEN meant.status = 'open' THEN w.id = meant.id ELSE w.is_default END
WHERE d.chain_id = :chain_id AND d.key = :key;

-- name: book_deposit!
-- A deposit, new or changed.
INSERT INTO deposits (id, chain_id, transaction_hash, position, block_number, block_hash, wallet_key, wallet_id, user_id,
    currency, amount, status, transfer_id, version, updated_at)
VALUES (:id, :chain_id, :transaction_hash, :position, :block_number, :block_hash, :wallet_key, :wallet_id, :user_id,
    :currency, :amount, :status, :transfer_id, :version, :at)
ON CONFLICT (id) DO UPDATE SET block_number = excluded.block_number, block_hash = excluded.block_hash, doubted = false,
    wallet_key = excluded.wallet_key, wallet_id = excluded.wallet_id, user_id = excluded.user_id,
    currency = excluded.currency, amount = excluded.amount, status = excluded.status,
    transfer_id = excluded.transfer_id, version = excluded.version, updated_at = excluded.updated_at;

-- name: booked
-- What came in up to a block, and stands.
SELECT currency, sum(amount) AS amount FROM deposits
WHERE chain_id = :chain_id AND block_number <= :up_to AND status <> 'reversed' GROUP BY currency;

-- name: balances_at
-- What wallets together, and each of the house's own accounts, have by the ledger, now or at a past time.
SELECT CASE WHEN starts_with(account, 'wal_') THEN 'wallets' ELSE account END AS holder, currency, sum(amount) AS amount
FROM entries WHERE :at::timestamptz IS NULL OR created_at <= :at GROUP BY holder, currency;

-- name: booked_beyond
-- Deposits that the ledger has, now or at a past time, and the chain up to a block has not: they are in later blocks, or
-- were taken back since.
SELECT d.currency, sum(d.amount) AS amount FROM deposits d JOIN transfers t ON t.id = d.transfer_id
WHERE d.chain_id = :chain_id AND (d.block_number > :number OR d.status = 'reversed')
  AND (:at::timestamptz IS NULL OR t.created_at <= :at)
  AND NOT EXISTS (SELECT FROM transfers r WHERE r.kind = 'reversal' AND r.reference = d.transfer_id
                  AND (:at::timestamptz IS NULL OR r.created_at <= :at))
GROUP BY d.currency;

-- name: list_booked_withdrawals
-- Withdrawals whose money has left the ledger, now or at a past time.
SELECT reference AS id FROM transfers
WHERE kind = 'withdrawal' AND (:at::timestamptz IS NULL OR created_at <= :at);

-- name: every_withdrawal
-- All withdrawals on a chain.
SELECT * FROM withdrawals WHERE chain_id = :chain_id;

-- name: request_withdrawal!
-- A withdrawal that somebody asked for.
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

-- name: list_waiting
-- Withdrawals for which nothing was signed and that do not back off. Users take turns: everybody's oldest comes before
-- anybody's next, however many one of them has.
SELECT w.* FROM withdrawals w
JOIN (SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY id) AS turn FROM withdrawals r
      WHERE status = 'requested' AND chain_id = :chain_id
        AND NOT EXISTS (SELECT FROM sendings s WHERE s.subject = r.id)
        AND NOT EXISTS (SELECT FROM job_failures f
                        WHERE f.job = 'send_withdrawals' AND f.item = r.id AND f.next_try_at > :now)) t ON t.id = w.id
ORDER BY t.turn, w.id LIMIT :most;

-- name: save_withdrawal!
-- A withdrawal got further.
UPDATE withdrawals SET status = :status, transaction_hash = :transaction_hash, failure = :failure, version = :version,
    updated_at = :at
WHERE id = :id AND version = :version - 1;
