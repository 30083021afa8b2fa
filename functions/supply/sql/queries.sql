-- name: insert_supply!
-- A new supply.
INSERT INTO supplies (id, merchant_id, payout_wallet_id, title, description, currency, unit_price, per_user_limit,
    chain_id, contract, token_id, standard, asset_proven, payout_noted, phases, status, published, version, stream_version,
    created_at, updated_at)
VALUES (:id, :merchant_id, :payout_wallet_id, :title, :description, :currency, :unit_price, :per_user_limit,
    :chain_id, :contract, :token_id, :standard, true, true, :phases::jsonb, :status, :published, 1, 1, :at, :at);

-- name: lock_token$
-- Serializes the checks of who sells a token, until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(':', :chain_id::bigint, :contract::text, :token_id::numeric), 0));

-- name: is_sold_elsewhere$
-- Whether a merchant sells a token in another supply, and one of the two has a single unit of it.
SELECT EXISTS (
    SELECT FROM supplies s
    WHERE s.chain_id = :chain_id AND s.contract = :contract AND s.token_id = :token_id
      AND s.merchant_id = :merchant_id AND s.id <> :id AND (:single::boolean OR s.standard = 'ERC-721')
      AND (s.status <> 'archived' OR EXISTS (SELECT FROM stock t WHERE t.supply_id = s.id AND t.sold > 0)));

-- name: is_proven$
-- Whether its asset was proven to be its merchant's.
SELECT asset_proven FROM supplies WHERE id = :id;

-- name: mark_proven!
-- Record that a supply's asset is proven to be its merchant's.
UPDATE supplies SET asset_proven = true WHERE id = :id;

-- name: insert_stock!
-- A cell's share of a supply.
INSERT INTO stock (supply_id, cell, quantity, available, reserved, sold, version)
VALUES (:supply_id, :cell, :quantity, :quantity, 0, 0, 1);

-- name: find_supplies
-- Supplies by id.
SELECT * FROM supplies_known WHERE id = ANY(:ids::text[]);

-- name: update_supply$
-- Save a supply's next version if nobody else has changed it since; returns the next version of its stream.
UPDATE supplies SET title = :title, description = :description, unit_price = :unit_price,
    per_user_limit = :per_user_limit, phases = :phases::jsonb, status = :status, published = :published,
    payout_wallet_id = :payout_wallet_id,
    version = :version, stream_version = stream_version + 1, updated_at = :at
WHERE id = :id AND version = :version - 1
RETURNING stream_version;

-- name: lock_payout
-- Locks a supply, existing or about to be created, while its payout wallet is being set.
SELECT pg_advisory_xact_lock(hashtextextended('payout of ' || :supply_id, 0));

-- name: find_settled_payouts
-- Those supplies whose payout wallet nobody is setting now, nor can until the transaction ends.
SELECT s.id FROM unnest(:supply_ids::text[]) AS s (id)
WHERE pg_try_advisory_xact_lock_shared(hashtextextended('payout of ' || s.id, 0));

-- name: find_ended_payouts
-- Those payouts whose supplies pay out elsewhere, are archived, or do not exist.
SELECT p.supply_id, p.wallet_id FROM unnest(:supply_ids::text[], :wallet_ids::text[]) AS p (supply_id, wallet_id)
WHERE NOT EXISTS (SELECT FROM supplies s
                  WHERE s.id = p.supply_id AND s.payout_wallet_id = p.wallet_id AND s.status <> 'archived');

-- name: find_unreported_payouts
-- Supplies whose payout wallets were not reported to the wallet service yet.
SELECT id FROM supplies s WHERE NOT payout_noted AND status <> 'archived' AND NOT EXISTS (
    SELECT FROM job_failures f WHERE f.job = 'renew_payouts' AND f.item = s.id AND f.next_try_at > :now::timestamptz)
ORDER BY id LIMIT :most;

-- name: mark_payout_reported!
-- Record that a supply's payout wallet was reported to the wallet service.
UPDATE supplies SET payout_noted = true WHERE id = :id;

-- name: restock!
-- More units in this cell, for sale.
UPDATE stock SET quantity = quantity + :units, available = available + :units, version = version + 1
WHERE supply_id = :id AND cell = :cell;

-- name: extend_stream$
-- The next version of a supply's stream.
UPDATE supplies SET stream_version = stream_version + 1 WHERE id = :id RETURNING stream_version;

-- name: list_supplies
-- Supplies that a user may see, of one cell or of all that are known here, newest first, beyond one already shown.
SELECT * FROM supplies_known
WHERE (published OR merchant_id = :user_id)
  AND (:cell::text IS NULL OR split_part(id, '_', 2) = :cell)
  AND (:status::text IS NULL OR status = :status)
  AND (:currency::text IS NULL OR currency = :currency)
  AND (:merchant_id::text IS NULL OR merchant_id = :merchant_id)
  AND (:after::text IS NULL OR (right(id, 26), id) < (right(:after, 26), :after))
ORDER BY right(id, 26) DESC, id DESC LIMIT :most;

-- name: replicate_supply!
-- A supply of another cell as its home told, unless a later version of it is known. The wallet service knows from there where
-- it pays out.
INSERT INTO supplies AS s (id, merchant_id, payout_wallet_id, title, description, currency, unit_price, per_user_limit,
    chain_id, contract, token_id, standard, asset_proven, payout_noted, phases, status, published, version, stream_version,
    created_at, updated_at)
VALUES (:id, :merchant_id, :payout_wallet_id, :title, :description, :currency, :unit_price, :per_user_limit,
    :chain_id, :contract, :token_id, :standard, :asset_proven, true, :phases::jsonb, :status, :published, :version, 0,
    :created_at, :updated_at)
ON CONFLICT (id) DO UPDATE SET payout_wallet_id = excluded.payout_wallet_id, title = excluded.title,
    description = excluded.description, unit_price = excluded.unit_price, per_user_limit = excluded.per_user_limit,
    phases = excluded.phases, status = excluded.status, published = excluded.published, version = excluded.version,
    asset_proven = excluded.asset_proven, updated_at = excluded.updated_at
WHERE s.version <= excluded.version;

-- name: count_elsewhere!
-- The units of another cell's supply, as its home told. The version of its stock, a part of ETags, never repeats.
UPDATE supplies SET home_quantity = :quantity, home_available = :available, home_reserved = :reserved,
    home_sold = :sold, home_stock_version = greatest(home_stock_version + 1, :stock_version),
    stream_version = :stream_version
WHERE id = :id;

-- name: end_elsewhere!
-- Another cell's supply is archived; nothing that was told before changes that.
UPDATE supplies SET status = 'archived', version = version + 1, stream_version = :stream_version, updated_at = :at
WHERE id = :id AND status <> 'archived';

-- name: lock_stock
-- Lock this cell's stock of supplies, in a fixed order so that orders cannot deadlock. Everything else about them must be
-- read in a later statement: one that waited for the lock sees the other tables as they were before it waited.
SELECT supply_id FROM stock
WHERE supply_id = ANY(:supply_ids::text[]) AND cell = :cell
ORDER BY supply_id FOR UPDATE;

-- name: find_on_sale
-- Supplies with their available units in this cell, and the units reserved or sold there by phase.
SELECT s.id AS supply_id, s.status, s.per_user_limit, s.phases, t.available,
       s.asset_proven, s.chain_id, s.contract, s.token_id,
       (SELECT coalesce(jsonb_object_agg(phase, taken), '{}') FROM phase_stock
        WHERE supply_id = s.id AND cell = t.cell) AS taken
FROM supplies s JOIN stock t ON t.supply_id = s.id
WHERE s.id = ANY(:supply_ids::text[]) AND t.cell = :cell;

-- name: count_taken
-- The units of supplies that users have reserved or bought, by phase.
SELECT supply_id, user_id, phase, sum(quantity)::bigint AS taken FROM reservations
WHERE supply_id = ANY(:supply_ids::text[]) AND user_id = ANY(:user_ids::text[]) AND status IN ('reserved', 'committed')
GROUP BY supply_id, user_id, phase;

-- name: find_reservations
-- Reservations by id; to change them, hold the lock on their stock.
SELECT id, order_id, supply_id, user_id, quantity, expires_at, status, firm, version, phase
FROM reservations WHERE id = ANY(:ids::text[]);

-- name: insert_reservations!
-- Reserve units, in the order in which they were decided; ids that already have a row, such as a tombstone, do not count.
INSERT INTO reservations (id, order_id, supply_id, cell, user_id, quantity, phase, user_limit, phase_limit, phase_cap,
    expires_at, next_check_at, status, version, made_at)
SELECT r.id, r.order_id, r.supply_id, :cell, r.user_id, r.quantity, r.phase, r.user_limit, r.phase_limit, r.phase_cap,
    r.expires_at, r.expires_at, 'reserved', 1, :at
FROM jsonb_to_recordset(:reservations::jsonb)
    AS r (place integer, id text, order_id text, supply_id text, user_id text, quantity bigint, phase text,
          user_limit bigint, phase_limit bigint, phase_cap bigint, expires_at timestamptz)
ORDER BY r.place
ON CONFLICT (id) DO NOTHING;

-- name: write_reservation_tombstones!
-- Insert reservations that were never made as released, so that a late command finds its tombstone.
INSERT INTO reservations
    (id, order_id, supply_id, cell, user_id, quantity, expires_at, next_check_at, status, reason, version, made_at, ended_at)
SELECT r.id, r.order_id, r.supply_id, :cell, r.user_id, 0, :at, :at, 'released', r.reason, 1, :at, :at
FROM jsonb_to_recordset(:reservations::jsonb)
    AS r (id text, order_id text, supply_id text, user_id text, reason text)
ORDER BY r.id
ON CONFLICT (id) DO NOTHING;

-- name: end_reservations!
-- End reservations: a reserved one is committed or released, a committed one may be returned.
UPDATE reservations SET status = :status, reason = :reason, version = version + 1, ended_at = :at
WHERE id = ANY(:ids::text[]) AND status = :before;

-- name: move_stock!
-- Units move between available, reserved and sold.
UPDATE stock t SET available = t.available + m.available, reserved = t.reserved + m.reserved, sold = t.sold + m.sold,
    version = t.version + 1
FROM (SELECT supply_id, sum(available)::bigint AS available, sum(reserved)::bigint AS reserved, sum(sold)::bigint AS sold
      FROM jsonb_to_recordset(:moves::jsonb) AS r (supply_id text, available bigint, reserved bigint, sold bigint)
      GROUP BY supply_id) m
WHERE t.supply_id = m.supply_id AND t.cell = :cell;

-- name: take_in_phases!
-- Count units as taken in phases of sales.
INSERT INTO phase_stock AS p (supply_id, cell, phase, taken)
SELECT supply_id, :cell, phase, sum(taken)::bigint
FROM jsonb_to_recordset(:moves::jsonb) AS r (supply_id text, phase text, taken bigint)
GROUP BY supply_id, phase ORDER BY supply_id, phase
ON CONFLICT (supply_id, cell, phase) DO UPDATE SET taken = p.taken + excluded.taken;

-- name: return_to_phases!
-- Units reserved or sold in phases of sales go back on sale.
UPDATE phase_stock p SET taken = p.taken - m.taken
FROM (SELECT supply_id, phase, sum(taken)::bigint AS taken
      FROM jsonb_to_recordset(:moves::jsonb) AS r (supply_id text, phase text, taken bigint)
      GROUP BY supply_id, phase) m
WHERE p.supply_id = m.supply_id AND p.phase = m.phase AND p.cell = :cell;

-- name: find_sold_out
-- Those supplies whose last unit is sold, each with the next version of its stream.
UPDATE supplies s SET stream_version = stream_version + 1
WHERE s.id = ANY(:ids::text[])
  AND NOT EXISTS (SELECT FROM stock t WHERE t.supply_id = s.id AND t.sold < t.quantity)
RETURNING s.id, s.merchant_id, s.stream_version, (SELECT sum(quantity)::bigint FROM stock WHERE supply_id = s.id) AS quantity;

-- name: firm_reservations!
-- Exempt the reservations of confirmed orders from expiry; their orders are queried again much later, in case an event is
-- missing.
UPDATE reservations SET firm = true, next_check_at = :at WHERE id = ANY(:ids::text[]) AND status = 'reserved';

-- name: find_expired_reservations
-- Expired reservations whose orders have to be queried now, except for those that back off; each buyer's first before any
-- buyer's second, those that have waited longest first.
SELECT id, order_id, supply_id, user_id, quantity, expires_at, status, firm, version, phase
FROM reservations r WHERE status = 'reserved' AND next_check_at <= :now
  AND NOT EXISTS (
    SELECT FROM job_failures f WHERE f.job = 'sweep_reservations' AND f.item = r.id AND f.next_try_at > :now)
ORDER BY row_number() OVER (PARTITION BY user_id ORDER BY next_check_at, id), next_check_at, id LIMIT :most;

-- name: back_off_reservations!
-- Their orders are undecided: query again after a pause that doubles each time, so that they do not crowd out others.
UPDATE reservations SET checks = checks + 1,
    next_check_at = :now::timestamptz + least(:first::interval * pow(2, least(checks, 16)), :longest::interval)
WHERE id = ANY(:ids::text[]) AND status = 'reserved';
