-- name: hand_out_address!
-- Watch a wallet's deposit address from now on.
INSERT INTO deposit_addresses (chain_id, wallet_id, key, address, created_at)
VALUES (:chain_id, :wallet_id, :key, :address, :at) ON CONFLICT DO NOTHING;

-- name: list_watched
-- Wallets whose deposit address was handed out, from one on.
SELECT wallet_id, key FROM deposit_addresses
WHERE chain_id = :chain_id AND wallet_id > :after ORDER BY wallet_id LIMIT :most;

-- name: find_cursor^
-- How far a chain was read.
SELECT number, hash FROM chain_cursors WHERE chain_id = :chain_id;

-- name: list_checkpoints
-- Blocks that were reached, the latest first.
SELECT number, hash FROM chain_checkpoints WHERE chain_id = :chain_id ORDER BY number DESC;

-- name: begin_cursor!
-- Read a chain from its start.
INSERT INTO chain_cursors (chain_id, number, hash) VALUES (:chain_id, :number, :hash) ON CONFLICT DO NOTHING;

-- name: move_cursor!
-- A chain was read to another block, unless another reader was first.
UPDATE chain_cursors SET number = :number, hash = :hash
WHERE chain_id = :chain_id AND number = :from_number AND hash = :from_hash;

-- name: mark_checkpoint!
-- Remember a block that was reached.
INSERT INTO chain_checkpoints (chain_id, number, hash) VALUES (:chain_id, :number, :hash)
ON CONFLICT (chain_id, number) DO UPDATE SET hash = excluded.hash;

-- name: drop_checkpoints!
-- Forget blocks that are no longer part of the chain, and those too old to matter.
DELETE FROM chain_checkpoints WHERE chain_id = :chain_id AND (number > :above OR number < :below);

-- name: doubt_deposits!
-- Deposits of blocks that are no longer part of the chain.
UPDATE deposits SET doubted = true WHERE chain_id = :chain_id AND block_number > :above AND status <> 'reversed';

-- name: list_doubted
-- Deposits that should have been found again by now, locked.
SELECT * FROM deposits WHERE chain_id = :chain_id AND doubted AND block_number <= :up_to ORDER BY id FOR UPDATE;

-- name: find_deposit^
-- A deposit by its place in its transaction, locked.
SELECT * FROM deposits
WHERE chain_id = :chain_id AND transaction_hash = :transaction_hash AND position = :position FOR UPDATE;

-- name: find_owner^
-- The wallet that a key stands for, and its owner.
SELECT w.id AS wallet_id, w.user_id FROM deposit_addresses d JOIN wallets w ON w.id = d.wallet_id
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

-- name: request_withdrawal!
-- A withdrawal that somebody asked for.
INSERT INTO withdrawals (id, wallet_id, user_id, currency, amount, to_address, chain_id, hold_id, status,
    transaction_hash, failure, version, created_at, updated_at)
VALUES (:id, :wallet_id, :user_id, :currency, :amount, :to_address, :chain_id, :hold_id, 'requested', '', '', 1, :at, :at);

-- name: find_withdrawal^
-- A withdrawal.
SELECT * FROM withdrawals WHERE id = :id;

-- name: lock_withdrawal^
-- A withdrawal, locked.
SELECT * FROM withdrawals WHERE id = :id FOR UPDATE;

-- name: list_waiting
-- Withdrawals for which nothing was signed, the oldest first.
SELECT w.* FROM withdrawals w LEFT JOIN sendings s ON s.subject = w.id
WHERE w.status = 'requested' AND w.chain_id = :chain_id AND s.subject IS NULL ORDER BY w.id LIMIT :most;

-- name: save_withdrawal!
-- A withdrawal got further.
UPDATE withdrawals SET status = :status, transaction_hash = :transaction_hash, failure = :failure, version = :version,
    updated_at = :at
WHERE id = :id AND version = :version - 1;

-- name: next_nonce$
-- The treasury's next nonce, as far as was given out here; null before the first.
SELECT max(nonce) + 1 FROM sendings WHERE chain_id = :chain_id AND sender = :sender;

-- name: give_nonce!
-- Give a nonce to a call; no row when it was given, or the call has one.
INSERT INTO sendings (chain_id, sender, nonce, purpose, subject, to_, data, gas, status)
VALUES (:chain_id, :sender, :nonce, :purpose, :subject, :to, :data, :gas, 'pending') ON CONFLICT DO NOTHING;

-- name: keep_signed!
-- Store what was signed.
INSERT INTO signed_transactions (hash, chain_id, sender, nonce, raw, max_fee, max_tip, signed_at)
VALUES (:hash, :chain_id, :sender, :nonce, :raw, :max_fee, :max_tip, :at) ON CONFLICT DO NOTHING;

-- name: mark_broadcast!
-- The network has it.
UPDATE signed_transactions SET broadcast = true WHERE hash = :hash;

-- name: list_sendings
-- Nonces whose call is not done, and done ones that the chain has forgotten; with what was signed for them.
SELECT s.nonce, s.purpose, s.subject, s.to_, s.data, s.gas, s.status,
       t.hash, t.raw, t.max_fee, t.max_tip, t.broadcast, t.signed_at
FROM sendings s JOIN signed_transactions t ON (t.chain_id, t.sender, t.nonce) = (s.chain_id, s.sender, s.nonce)
WHERE s.chain_id = :chain_id AND s.sender = :sender
  AND ((s.status = 'pending' AND :pending::boolean) OR (s.status <> 'pending' AND s.nonce >= :forgotten::bigint))
ORDER BY s.nonce, t.max_fee LIMIT :most;

-- name: end_sending!
-- The call of a nonce was mined, and succeeded or failed.
UPDATE sendings SET status = :status WHERE subject = :subject AND status = 'pending';

-- name: busy$
-- Whether a call of a kind is on its way.
SELECT EXISTS (SELECT FROM sendings
               WHERE chain_id = :chain_id AND sender = :sender AND purpose = :purpose AND status = 'pending');
