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
-- Supplies that a user may see, or with NULL anybody, of one cell or of all that are known here, newest first, beyond one already shown.
SELECT * FROM supplies_known
WHERE (published OR merchant_id = :user_id::text)
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

-- name: open_stock!
-- Stock, empty yet, of known supplies of other cells.
INSERT INTO stock (supply_id, cell, quantity, available, reserved, sold, version)
SELECT id, :cell, 0, 0, 0, 0, 1 FROM supplies WHERE id = ANY(:supply_ids::text[]) ORDER BY id
ON CONFLICT (supply_id, cell) DO NOTHING;

-- name: find_on_sale
-- Supplies with their available units in this cell, whether it is closed, and its units and rights by phase: [taken, moved].
-- The subquery hides from the planner how many ids there are; knowing it, it would plan each execution anew (150 us).
SELECT s.id AS supply_id, s.status, s.per_user_limit, s.phases, coalesce(t.available, 0) AS available,
       coalesce(t.closed_at_version >= s.version, false) AS closed,
       s.asset_proven, s.chain_id, s.contract, s.token_id,
       (SELECT coalesce(jsonb_object_agg(phase, jsonb_build_array(taken, moved)), '{}') FROM phase_stock
        WHERE supply_id = s.id AND cell = :cell) AS by_phase
FROM supplies s LEFT JOIN stock t ON t.supply_id = s.id AND t.cell = :cell
WHERE s.id = ANY((SELECT :supply_ids::text[])::text[]);

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
-- Reserve units, in the order in which they were decided; fails if an id already has a row, such as a tombstone.
INSERT INTO reservations (id, order_id, supply_id, cell, user_id, quantity, phase, user_limit, phase_limit, phase_cap,
    expires_at, next_check_at, status, version, made_at)
SELECT r.id, r.order_id, r.supply_id, :cell, r.user_id, r.quantity, r.phase, r.user_limit, r.phase_limit, r.phase_cap,
    r.expires_at, r.expires_at, 'reserved', 1, :at
FROM jsonb_to_recordset(:reservations::jsonb)
    AS r (place integer, id text, order_id text, supply_id text, user_id text, quantity bigint, phase text,
          user_limit bigint, phase_limit bigint, phase_cap bigint, expires_at timestamptz)
ORDER BY r.place;

-- name: write_reservation_tombstones!
-- Insert reservations that were never made as released, so that a late command finds its tombstone; fails if one was made.
INSERT INTO reservations
    (id, order_id, supply_id, cell, user_id, quantity, expires_at, next_check_at, status, reason, version, made_at, ended_at)
SELECT r.id, r.order_id, r.supply_id, :cell, r.user_id, 0, :at, :at, 'released', r.reason, 1, :at, :at
FROM jsonb_to_recordset(:reservations::jsonb)
    AS r (id text, order_id text, supply_id text, user_id text, reason text)
ORDER BY r.id;

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
-- Those supplies of this cell whose last unit is sold, here or as other cells report, each with its stream's next version.
UPDATE supplies s SET stream_version = stream_version + 1
FROM stock t
WHERE s.id = ANY(:ids::text[]) AND split_part(s.id, '_', 2) = :cell AND t.supply_id = s.id AND t.cell = :cell
  AND t.sold + coalesce((SELECT sum(sold) FROM counted WHERE supply_id = s.id), 0) >= t.quantity - t.moved
RETURNING s.id, s.merchant_id, s.stream_version, t.quantity - t.moved AS quantity;

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

-- name: find_account^
-- What this cell has of a supply, with the terms and the streams of grants that its account needs. Hold its lock.
SELECT t.quantity, t.available, t.reserved, t.sold, t.moved, t.version AS changes, s.phases, s.version,
       coalesce(t.closed_at_version >= s.version, t.closed_at_version IS NOT NULL) AS closed,
       (SELECT coalesce(jsonb_object_agg(phase, jsonb_build_array(taken, moved)), '{}') FROM phase_stock
        WHERE supply_id = t.supply_id AND cell = t.cell) AS by_phase,
       (SELECT coalesce(jsonb_object_agg(peer, given), '{}') FROM quota_streams WHERE supply_id = t.supply_id) AS given,
       (SELECT coalesce(sum(reserved + sold), 0)::bigint FROM counted WHERE supply_id = t.supply_id) AS counted
FROM stock t LEFT JOIN supplies s ON s.id = t.supply_id
WHERE t.supply_id = :supply_id AND t.cell = :cell;

-- name: debit_quota!
-- Units go to another cell.
UPDATE stock SET quantity = quantity - :units, available = available - :units, moved = moved - :units,
    version = version + 1
WHERE supply_id = :supply_id AND cell = :cell;

-- name: credit_quota!
-- Units come from another cell, be it the first ones of a supply.
INSERT INTO stock AS t (supply_id, cell, quantity, available, reserved, sold, version, moved)
VALUES (:supply_id, :cell, :units, :units, 0, 0, 1, :units)
ON CONFLICT (supply_id, cell) DO UPDATE SET quantity = t.quantity + excluded.quantity,
    available = t.available + excluded.available, moved = t.moved + excluded.moved, version = t.version + 1;

-- name: move_rights!
-- Rights in phases come from another cell, or go to one.
INSERT INTO phase_stock AS p (supply_id, cell, phase, taken, moved)
SELECT :supply_id, :cell, key, 0, value::bigint FROM jsonb_each_text(:rights::jsonb) ORDER BY key
ON CONFLICT (supply_id, cell, phase) DO UPDATE SET moved = p.moved + excluded.moved;

-- name: note_given!
-- A grant has left for another cell: a version of the stream of grants to it, and its sums.
INSERT INTO quota_streams AS q (supply_id, peer, given, units_given, rights_given)
VALUES (:supply_id, :peer, :version, :units, :rights::jsonb)
ON CONFLICT (supply_id, peer) DO UPDATE SET given = excluded.given, units_given = q.units_given + excluded.units_given,
    rights_given = (
        SELECT coalesce(jsonb_object_agg(phase, units), '{}') FROM (
            SELECT key AS phase, sum(value::bigint) AS units FROM (
                SELECT * FROM jsonb_each_text(q.rights_given) UNION ALL SELECT * FROM jsonb_each_text(excluded.rights_given)
            ) each GROUP BY key
        ) summed)
WHERE q.given = excluded.given - 1;

-- name: note_received!
-- A grant of another cell has arrived, the next one of its stream.
INSERT INTO quota_streams AS q (supply_id, peer, received, units_received, rights_received)
VALUES (:supply_id, :peer, :version, :units, :rights::jsonb)
ON CONFLICT (supply_id, peer) DO UPDATE SET received = excluded.received,
    units_received = q.units_received + excluded.units_received,
    rights_received = (
        SELECT coalesce(jsonb_object_agg(phase, units), '{}') FROM (
            SELECT key AS phase, sum(value::bigint) AS units FROM (
                SELECT * FROM jsonb_each_text(q.rights_received)
                UNION ALL SELECT * FROM jsonb_each_text(excluded.rights_received)
            ) each GROUP BY key
        ) summed)
WHERE q.received = excluded.received - 1;

-- name: find_received$
-- The last version that was received of the stream of grants from another cell.
SELECT received FROM quota_streams WHERE supply_id = :supply_id AND peer = :peer;

-- name: close_quota!
-- This cell sells no more of a supply, until a later version of it than this one sells.
INSERT INTO stock AS t (supply_id, cell, quantity, available, reserved, sold, version, closed_at_version)
VALUES (:supply_id, :cell, 0, 0, 0, 0, 1, :version)
ON CONFLICT (supply_id, cell) DO UPDATE SET version = t.version + 1,
    closed_at_version = greatest(t.closed_at_version, excluded.closed_at_version);

-- name: note_uncounted!
-- Counters of other cells' supplies have changed here, and have to be reported.
INSERT INTO uncounted (supply_id) SELECT unnest(:supply_ids::text[]) ON CONFLICT (supply_id) DO NOTHING;

-- name: find_uncounted
-- Supplies of other cells whose counters have to be reported.
SELECT supply_id FROM uncounted ORDER BY supply_id LIMIT :most;

-- name: take_counters
-- The counters to report, each with its version in the stream of reports. Hold the lock on their stock.
WITH due AS (DELETE FROM uncounted WHERE supply_id = ANY(:supply_ids::text[]) RETURNING supply_id)
UPDATE stock t SET reports = t.reports + 1 FROM due
WHERE t.supply_id = due.supply_id AND t.cell = :cell
RETURNING t.supply_id, t.reserved, t.sold, t.version AS changes, t.reports;

-- name: is_sold_out$
-- Whether all units of a supply of this cell are sold, here or as other cells report.
SELECT t.sold + coalesce((SELECT sum(sold) FROM counted WHERE supply_id = t.supply_id), 0) >= t.quantity - t.moved
FROM stock t WHERE t.supply_id = :supply_id AND t.cell = :cell;

-- name: note_counters!
-- What another cell reports of a supply, unless a later report of it has arrived.
INSERT INTO counted AS c (supply_id, cell, reserved, sold, changes)
VALUES (:supply_id, :cell, :reserved, :sold, :changes)
ON CONFLICT (supply_id, cell) DO UPDATE
SET reserved = excluded.reserved, sold = excluded.sold, changes = excluded.changes
WHERE c.changes < excluded.changes;

-- name: find_received_grants
-- What was received of other cells, by stream: the last version, and the sums; a page of them, after a given one.
SELECT supply_id, peer, received, units_received, rights_received FROM quota_streams
WHERE received > 0 AND (supply_id, peer) > (:after_supply, :after_peer)
ORDER BY supply_id, peer LIMIT :most;

-- name: sum_grants
-- What was given to another cell, of each of these supplies up to a version: the last version there is, and the sums.
SELECT s.supply_id, coalesce(max(e.version), 0) AS version, coalesce(sum((e.data ->> 'units')::bigint), 0)::bigint AS units,
       (SELECT coalesce(jsonb_object_agg(r.phase, r.units), '{}') FROM (
            SELECT part ->> 'phase' AS phase, sum((part ->> 'units')::bigint) AS units
            FROM events g CROSS JOIN LATERAL jsonb_array_elements(g.data -> 'rights') part
            WHERE g.stream = s.stream AND g.version <= s.version GROUP BY 1
        ) r) AS rights
FROM jsonb_to_recordset(:streams::jsonb) AS s (supply_id text, stream text, version bigint)
LEFT JOIN events e ON e.stream = s.stream AND e.version <= s.version
GROUP BY s.supply_id, s.stream, s.version;
