-- name: open_claim!
-- The one claim of an order; 0 rows when there is one.
INSERT INTO claims (id, order_id, user_id, address, items, nonce, status, version, opened_at)
VALUES (:id, :order_id, :user_id, :address, :items::jsonb, :nonce, 'open', 1, :at)
ON CONFLICT (order_id) DO NOTHING;

-- name: bury_claim!
-- The one claim of an order, made void from the start; 0 rows when there is one.
INSERT INTO claims (id, order_id, user_id, address, items, nonce, status, version, opened_at)
VALUES (:id, :order_id, :user_id, :address, '[]', :nonce, 'voided', 1, :at)
ON CONFLICT (order_id) DO NOTHING;

-- name: void_claim!
-- A claim that was open is void.
UPDATE claims SET status = 'voided', version = version + 1 WHERE id = :id;

-- name: find_by_order^
-- The claim of an order.
SELECT * FROM claims WHERE order_id = :order_id;

-- name: lock_by_order^
-- The claim of an order, locked.
SELECT * FROM claims WHERE order_id = :order_id FOR UPDATE;

-- name: find_claim^
-- A claim by id.
SELECT * FROM claims WHERE id = :id;

-- name: hand_out!
-- Keep a voucher before it is returned.
UPDATE claims SET status = :status, version = :version, recipient = :recipient, voucher = :voucher,
    deadline = :deadline, claimed_at = :claimed_at
WHERE id = :id;

-- name: list_claims
-- A user's claims, newest first, beyond one already shown.
SELECT * FROM claims
WHERE user_id = :user_id AND status NOT IN ('open', 'voided')
  AND (:status::text IS NULL OR status = :status)
  AND (:after::text IS NULL OR id < :after)
ORDER BY id DESC LIMIT :most;
