-- name: insert_order!
-- The projection of a placed order.
INSERT INTO orders (id, user_id, wallet_id, merchant_id, currency, total, status, items, expires_at, version,
    created_at, updated_at)
VALUES (:id, :user_id, :wallet_id, :merchant_id, :currency, :total, :status, :items::jsonb, :expires_at, :version,
    :created_at, :updated_at);

-- name: update_order!
-- The projection follows the events.
UPDATE orders SET status = :status, failure = :failure::jsonb, version = :version, updated_at = :updated_at
WHERE id = :id;

-- name: lock_order$
-- Hold an order's projection, and so its stream, against change by others.
SELECT id FROM orders WHERE id = :id FOR UPDATE;

-- name: find_order^
-- An order by id.
SELECT * FROM orders WHERE id = :id;

-- name: list_orders
-- A buyer's orders, or those of a merchant's supplies, newest first, beyond one already shown.
SELECT * FROM orders
WHERE (:user_id::text IS NULL OR user_id = :user_id)
  AND (:merchant_id::text IS NULL OR merchant_id = :merchant_id)
  AND (:status::text IS NULL OR status = :status)
  AND (:after::text IS NULL OR id < :after)
ORDER BY id DESC LIMIT :most;

-- name: list_paid
-- Orders that were paid before a time, by id, beyond one already seen.
SELECT o.id, o.total FROM orders o JOIN events e ON e.stream = o.id AND e.type = 'order.paid'
WHERE e.recorded_at < :before AND o.id > :after ORDER BY o.id LIMIT :most;

-- name: find_expired
-- Orders that are past their time without an outcome.
SELECT id FROM orders WHERE status = 'pending' AND expires_at <= :now ORDER BY created_at LIMIT :most;

-- name: find_stranded
-- Orders whose request has been silent for so long that somebody else has to go on.
SELECT id FROM orders WHERE status = 'pending' AND created_at <= :before ORDER BY created_at LIMIT :most;
