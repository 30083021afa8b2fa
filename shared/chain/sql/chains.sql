-- Queries on the tables of a service's 0003-chain.sql: a key's nonces, and how far a chain was read.

-- name: next_nonce$
-- A key's next nonce, by the assigned ones; null before the first.
SELECT max(nonce) + 1 FROM sendings WHERE chain_id = :chain_id AND sender = :sender;

-- name: assign_nonce!
-- Assign a nonce to a call; no row if it is taken, or the call has one.
INSERT INTO sendings (chain_id, sender, nonce, purpose, subject, to_, data, gas, status)
VALUES (:chain_id, :sender, :nonce, :purpose, :subject, :to, :data, :gas, 'pending') ON CONFLICT DO NOTHING;

-- name: insert_signed!
-- Store a signed transaction while its nonce's call has the status it was signed for: pending, or failed.
INSERT INTO signed_transactions (hash, chain_id, sender, nonce, raw, max_fee, max_tip, cancels, signed_at)
SELECT :hash, s.chain_id, s.sender, s.nonce, :raw, :max_fee, :max_tip, :cancels, :at FROM sendings s
WHERE s.chain_id = :chain_id AND s.sender = :sender AND s.nonce = :nonce AND s.status = :status FOR SHARE
ON CONFLICT DO NOTHING;

-- name: has_nonce$
-- Whether the call for a subject has a nonce.
SELECT EXISTS (SELECT FROM sendings WHERE subject = :subject);

-- name: mark_broadcast!
-- Note that the network has it.
UPDATE signed_transactions SET broadcast = true WHERE hash = :hash;

-- name: list_assignments
-- Nonces of pending calls, or of ended ones that a reorganisation has undone, with all their signed transactions;
-- without those whose subject backs off in the job.
SELECT s.nonce, s.purpose, s.subject, s.to_, s.data, s.gas, s.status,
       t.hash, t.raw, t.max_fee, t.max_tip, t.broadcast, t.cancels, t.signed_at
FROM (SELECT * FROM sendings c
      WHERE chain_id = :chain_id AND sender = :sender
        AND ((status = 'pending' AND :pending::boolean) OR (status <> 'pending' AND nonce >= :forgotten::bigint))
        AND NOT EXISTS (SELECT FROM job_failures f
                        WHERE f.job = :job AND f.item = c.subject AND f.next_try_at > :now)
      ORDER BY nonce LIMIT :most) s
JOIN signed_transactions t ON (t.chain_id, t.sender, t.nonce) = (s.chain_id, s.sender, s.nonce)
ORDER BY s.nonce, t.max_fee;

-- name: end_call!
-- End a nonce's call as mined or failed; no row if somebody else has ended it.
UPDATE sendings SET status = :status
WHERE chain_id = :chain_id AND sender = :sender AND nonce = :nonce AND status = 'pending';

-- name: busy$
-- Whether a call with this purpose is pending.
SELECT EXISTS (SELECT FROM sendings
               WHERE chain_id = :chain_id AND sender = :sender AND purpose = :purpose AND status = 'pending');

-- name: list_other_senders
-- Other keys than this one whose calls are pending: those of regions that have served the cell before.
SELECT DISTINCT sender FROM sendings
WHERE chain_id = :chain_id AND sender <> :sender AND status = 'pending' ORDER BY sender;

-- name: find_cursor^
-- How far a chain was read.
SELECT number, hash FROM chain_cursors WHERE chain_id = :chain_id;

-- name: list_checkpoints
-- Blocks that were reached, the latest first.
SELECT number, hash FROM chain_checkpoints WHERE chain_id = :chain_id ORDER BY number DESC;

-- name: begin_cursor!
-- Create the cursor at the chain's start.
INSERT INTO chain_cursors (chain_id, number, hash) VALUES (:chain_id, :number, :hash) ON CONFLICT DO NOTHING;

-- name: move_cursor!
-- Move the cursor to another block, unless another reader was first.
UPDATE chain_cursors SET number = :number, hash = :hash
WHERE chain_id = :chain_id AND number = :from_number AND hash = :from_hash;

-- name: mark_checkpoint!
-- Store a checkpoint.
INSERT INTO chain_checkpoints (chain_id, number, hash) VALUES (:chain_id, :number, :hash)
ON CONFLICT (chain_id, number) DO UPDATE SET hash = excluded.hash;

-- name: drop_checkpoints!
-- Delete checkpoints that are no longer canonical, and those too old to matter.
DELETE FROM chain_checkpoints WHERE chain_id = :chain_id AND (number > :above OR number < :below);
