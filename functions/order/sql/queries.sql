-- name: insert_orders!
-- Insert the projections of placed orders.
INSERT INTO orders (id, user_id, wallet_id, merchant_id, currency, total, status, stage, items, expires_at, version,
    due_at, created_at, updated_at)
SELECT id, user_id, wallet_id, merchant_id, currency, total, status, stage, items, expires_at, version,
    due_at, created_at, updated_at
FROM jsonb_to_recordset(:orders::jsonb)
    AS o (id text, user_id text, wallet_id text, merchant_id text, currency text, total numeric, status text, stage text,
          items jsonb, expires_at timestamptz, version bigint, due_at timestamptz, created_at timestamptz,
          updated_at timestamptz)
ORDER BY id;

-- name: use_quote!
-- Mark a quote used by an order, in the transaction that places it; inserts no row if another order has used it.
INSERT INTO used_quotes (quote_id, order_id, used_at) VALUES (:quote_id, :order_id, :at) ON CONFLICT DO NOTHING;

-- name: update_orders!
-- Update the projections of locked orders after new events.
UPDATE orders o SET status = n.status, stage = n.stage, failure = n.failure, paid_at = n.paid_at, version = n.version,
    due_at = n.due_at, attempts = 0, updated_at = n.updated_at
FROM jsonb_to_recordset(:orders::jsonb)
    AS n (id text, status text, stage text, failure jsonb, paid_at timestamptz, version bigint, due_at timestamptz,
          updated_at timestamptz)
WHERE o.id = n.id;

-- name: lock_orders
-- Lock orders' projections, and with them their streams, against concurrent changes, in a fixed order; with their versions.
SELECT id, version FROM orders WHERE id = ANY(:ids::text[]) ORDER BY id FOR UPDATE;

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
-- Orders, or those placed before a time, newest first, below a given id: as placed, and when their later events were
-- recorded.
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

-- name: oldest_unpaid$
-- When the confirmed order that has waited longest for its payment is reconciled; those that are due already wait for
-- something else than events in a queue.
SELECT min(due_at) FROM orders WHERE stage = 'confirmed' AND due_at > :now;

-- name: take_due
-- Take due orders: each buyer's first before any buyer's second, those that have waited longest first. Taking one backs it
-- off in the same statement, twice as long with each attempt, so that an order that keeps failing, or crashes its sweep,
-- does not block the rest; but never beyond the expiry of a pending order.
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
