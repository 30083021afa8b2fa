-- name: open_wallet^
-- Open a user's default wallet; no row when there is one, by the same id or an earlier one.
INSERT INTO wallets (id, user_id, name, address, chain_id, status, is_default, version, created_at, updated_at)
VALUES (:id, :user_id, :name, :address, :chain_id, 'open', true, 1, :at, :at)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: add_wallet!
-- Open a further wallet.
INSERT INTO wallets (id, user_id, name, address, chain_id, status, is_default, version, created_at, updated_at)
VALUES (:id, :user_id, :name, :address, :chain_id, 'open', false, 1, :at, :at);

-- name: save_wallet!
-- A wallet under another name or closed; 0 rows when another change was first.
UPDATE wallets SET name = :name, status = :status, version = :version, updated_at = :at
WHERE id = :id AND version = :version - 1;

-- name: stream_version$
-- The last version of a wallet's stream.
SELECT coalesce(max(version), 0) FROM events WHERE stream = :wallet_id;

-- name: find_default^
-- A user's default wallet.
SELECT * FROM wallets WHERE user_id = :user_id AND is_default;

-- name: find_wallets
-- Wallets by id, and the default wallets of users.
SELECT * FROM wallets WHERE id = ANY(:ids::text[]) OR (is_default AND user_id = ANY(:default_of::text[]));

-- name: lock_wallet^
-- Lock a wallet that is about to close. Conflicts with the locks of transactions that add references to it.
SELECT id FROM wallets WHERE id = :id FOR UPDATE;

-- name: find_recipients
-- The wallets that are credited: each wallet itself while open, else its owner's default wallet.
SELECT w.*, meant.id AS meant_for FROM wallets meant
JOIN wallets w ON w.user_id = meant.user_id AND CASE WHEN meant.status = 'open' THEN w.id = meant.id ELSE w.is_default END
WHERE meant.id = ANY(:ids::text[]);

-- name: list_wallets
-- A user's wallets, newest first, beyond a wallet already shown.
SELECT * FROM wallets WHERE user_id = :user_id AND (:after::text IS NULL OR id < :after) ORDER BY id DESC LIMIT :most;

-- name: browse_wallets
-- All wallets or one, of one user or of all, newest first, beyond a wallet already shown.
-- For operators; an owner's list is a query of its own, which an index serves.
SELECT * FROM wallets
WHERE (:id::text IS NULL OR id = :id) AND (:user_id::text IS NULL OR user_id = :user_id)
  AND (:after::text IS NULL OR id < :after)
ORDER BY id DESC LIMIT :most;
