-- name: insert_supply!
-- A new supply.
INSERT INTO supplies (id, merchant_id, payout_wallet_id, title, description, currency, unit_price, per_user_limit,
    chain_id, contract, token_id, standard, status, version, stream_version, created_at, updated_at)
VALUES (:id, :merchant_id, :payout_wallet_id, :title, :description, :currency, :unit_price, :per_user_limit,
    :chain_id, :contract, :token_id, :standard, :status, 1, 1, :at, :at);

-- name: insert_stock!
-- A cell's quota of a supply.
INSERT INTO stock (supply_id, cell, quantity, available, reserved, sold, version)
VALUES (:supply_id, :cell, :quantity, :quantity, 0, 0, 1);

-- name: find_supplies
-- Supplies by id.
SELECT * FROM supplies_shown WHERE id = ANY(:ids::text[]);

-- name: list_supplies
-- Supplies that a user may see, newest first, beyond one already shown.
SELECT * FROM supplies_shown
WHERE (status <> 'draft' OR merchant_id = :user_id)
  AND (:status::text IS NULL OR status = :status)
  AND (:currency::text IS NULL OR currency = :currency)
  AND (:merchant_id::text IS NULL OR merchant_id = :merchant_id)
  AND (:after::text IS NULL OR id < :after)
ORDER BY id DESC LIMIT :most;

-- name: lock_stock
-- This cell's stock of supplies, locked in one order so that orders cannot block each other in a ring.
SELECT t.supply_id, s.status, t.available, s.per_user_limit
FROM stock t JOIN supplies s ON s.id = t.supply_id
WHERE t.supply_id = ANY(:supply_ids::text[]) AND t.cell = :cell
ORDER BY t.supply_id FOR UPDATE OF t;

-- name: count_taken
-- What users have reserved or bought of supplies.
SELECT supply_id, user_id, sum(quantity)::bigint AS taken FROM reservations
WHERE supply_id = ANY(:supply_ids::text[]) AND user_id = ANY(:user_ids::text[]) AND status <> 'released'
GROUP BY supply_id, user_id;

-- name: find_reservations
-- Reservations by id; whoever changes them holds the lock on their stock.
SELECT id, order_id, supply_id, user_id, quantity, expires_at, status, firm, version
FROM reservations WHERE id = ANY(:ids::text[]);

-- name: insert_reservations!
-- Set units aside; those that have a row already, as tombstones do, are not counted.
INSERT INTO reservations (id, order_id, supply_id, cell, user_id, quantity, expires_at, status, version, made_at)
SELECT r.id, r.order_id, r.supply_id, :cell, r.user_id, r.quantity, r.expires_at, 'reserved', 1, :at
FROM jsonb_to_recordset(:reservations::jsonb)
    AS r (id text, order_id text, supply_id text, user_id text, quantity bigint, expires_at timestamptz)
ORDER BY r.id
ON CONFLICT (id) DO NOTHING;

-- name: bury_reservations!
-- Mark reservations released that were never made, so that a late command finds them so.
INSERT INTO reservations
    (id, order_id, supply_id, cell, user_id, quantity, expires_at, status, reason, version, made_at, ended_at)
SELECT r.id, r.order_id, r.supply_id, :cell, r.user_id, 0, :at, 'released', r.reason, 1, :at, :at
FROM jsonb_to_recordset(:reservations::jsonb)
    AS r (id text, order_id text, supply_id text, user_id text, reason text)
ORDER BY r.id
ON CONFLICT (id) DO NOTHING;

-- name: end_reservations!
-- Reservations come to their end: committed or released.
UPDATE reservations SET status = :status, reason = :reason, version = version + 1, ended_at = :at
WHERE id = ANY(:ids::text[]) AND status = 'reserved';

-- name: move_stock!
-- Units move between available, reserved and sold.
UPDATE stock t SET available = t.available + m.available, reserved = t.reserved + m.reserved, sold = t.sold + m.sold,
    version = t.version + 1
FROM (SELECT supply_id, sum(available)::bigint AS available, sum(reserved)::bigint AS reserved, sum(sold)::bigint AS sold
      FROM jsonb_to_recordset(:moves::jsonb) AS r (supply_id text, available bigint, reserved bigint, sold bigint)
      GROUP BY supply_id) m
WHERE t.supply_id = m.supply_id AND t.cell = :cell;

-- name: find_sold_out
-- Of these supplies, those whose last unit is sold, each with the next version of its stream.
UPDATE supplies s SET stream_version = stream_version + 1
WHERE s.id = ANY(:ids::text[])
  AND NOT EXISTS (SELECT FROM stock t WHERE t.supply_id = s.id AND t.sold < t.quantity)
RETURNING s.id, s.merchant_id, s.stream_version, (SELECT sum(quantity)::bigint FROM stock WHERE supply_id = s.id) AS quantity;

-- name: firm_reservations!
-- Reservations of confirmed orders no longer expire.
UPDATE reservations SET firm = true WHERE id = ANY(:ids::text[]) AND status = 'reserved';

-- name: find_expired_reservations
-- Reservations that have outlived their time and about which their orders have not been asked.
SELECT id, order_id, supply_id, user_id, quantity, expires_at, status, firm, version
FROM reservations WHERE status = 'reserved' AND NOT firm AND expires_at <= :now ORDER BY expires_at LIMIT :most;
