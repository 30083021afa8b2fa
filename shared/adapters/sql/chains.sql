-- What a service's 0003-chain.sql makes: the nonces of a key, and how far a chain was read.

-- name: next_nonce$
-- A key's next nonce, as far as was given out here; null before the first.
SELECT max(nonce) + 1 FROM sendings WHERE chain_id = :chain_id AND sender = :sender;

-- name: give_nonce!
-- Give a nonce to a call; no row when it was given, or the call has one.
INSERT INTO sendings (chain_id, sender, nonce, purpose, subject, to_, data, gas, status)
VALUES (:chain_id, :sender, :nonce, :purpose, :subject, :to, :data, :gas, 'pending') ON CONFLICT DO NOTHING;

-- name: keep_signed!
-- Store what was signed, while the call of its nonce is what it was signed for: pending, or failed and to be cancelled.
INSERT INTO signed_transactions (hash, chain_id, sender, nonce, raw, max_fee, max_tip, cancels, signed_at)
SELECT :hash, s.chain_id, s.sender, s.nonce, :raw, :max_fee, :max_tip, :cancels, :at FROM sendings s
WHERE s.chain_id = :chain_id AND s.sender = :sender AND s.nonce = :nonce AND s.status = :status FOR SHARE
ON CONFLICT DO NOTHING;

-- name: given$
-- Whether the call for a subject has a nonce.
SELECT EXISTS (SELECT FROM sendings WHERE subject = :subject);

-- name: mark_broadcast!
-- The network has it.
UPDATE signed_transactions SET broadcast = true WHERE hash = :hash;

-- name: list_sendings
-- Nonces whose call is not done, or done ones that the chain has forgotten; with all that was signed for them. Those whose
-- subject backs off in the job are left out.
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

-- name: end_sending!
-- The call of a nonce was mined, and succeeded or failed; no row where somebody else has ended it.
UPDATE sendings SET status = :status
WHERE chain_id = :chain_id AND sender = :sender AND nonce = :nonce AND status = 'pending';

-- name: busy$
-- Whether a call of a kind is on its way.
SELECT EXISTS (SELECT FROM sendings
               WHERE chain_id = :chain_id AND sender = :sender AND purpose = :purpose AND status = 'pending');

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
