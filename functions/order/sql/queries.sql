-- name: insert_order!
-- The projection of a placed order.
INSERT INTO orders (id, user_id, wallet_id, merchant_id, currency, total, status, stage, items, expires_at, version,
    due_at, created_at, updated_at)
VALUES (:id, :user_id, :wallet_id, :merchant_id, :currency, :total, :status, :stage, :items::jsonb, :expires_at, :version,
    :due_at, :created_at, :updated_at);

-- name: use_quote!
-- A quote is used for an order, in the transaction that places it; no row when another order has used it.
INSERT INTO used_quotes (quote_id, order_id, used_at) VALUES (:quote_id, :order_id, :at) ON CONFLICT DO NOTHING;

-- name: update_order!
-- The projection follows the events.
UPDATE orders SET status = :status, stage = :stage, failure = :failure::jsonb, paid_at = :paid_at, version = :version,
    due_at = :due_at, attempts = 0, updated_at = :updated_at
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

-- name: list_histories
-- Orders, or those placed before a time, newest first, below one already seen: as placed, and when what became of them.
WITH page AS (
    SELECT stream, data, recorded_at FROM events
    WHERE type = 'order.placed' AND (:before::timestamptz IS NULL OR recorded_at < :before)
      AND (:below::text = '' OR stream < :below)
    ORDER BY stream DESC LIMIT :most
)
SELECT p.stream AS id, p.data AS placed, p.recorded_at AS placed_at,
       coalesce(bool_or((e.data ->> 'restock')::boolean) FILTER (WHERE e.type = 'order.refunded'), false) AS restocked,
       jsonb_object_agg(e.type, jsonb_build_object('at', e.recorded_at, 'version', e.version)) AS facts
FROM page p JOIN events e ON e.stream = p.stream
GROUP BY p.stream, p.data, p.recorded_at ORDER BY p.stream DESC;

-- name: take_due
-- Orders that wait for something to be done, each buyer's first before anybody's second, those that wait longest first;
-- put off by a time that doubles with each attempt, so that what cannot be done does not stand before the rest, nor beside
-- what a crash left behind; but never beyond an order's own time.
WITH waiting AS MATERIALIZED (
    SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY due_at, id) AS turn FROM orders
    WHERE stage = ANY(:stages::text[]) AND due_at <= :now AND (NOT :overdue::boolean OR expires_at <= :now)
), due AS MATERIALIZED (
    SELECT o.id, o.due_at, w.turn FROM waiting w JOIN orders o ON o.id = w.id
    WHERE o.stage = ANY(:stages::text[]) AND o.due_at <= :now
    ORDER BY w.turn, o.due_at LIMIT :most FOR UPDATE OF o SKIP LOCKED
), taken AS (
    UPDATE orders o SET attempts = o.attempts + 1, due_at = CASE
        WHEN o.stage = 'pending' AND o.expires_at > :now
            THEN least(o.expires_at, :now + interval '15 seconds' * 2 ^ least(o.attempts, 5))
        ELSE :now + interval '15 seconds' * 2 ^ least(o.attempts, 5) END
    FROM due WHERE o.id = due.id
)
SELECT id FROM due ORDER BY turn, due_at;
