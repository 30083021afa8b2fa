-- name: find_holds
-- Holds by id.
SELECT * FROM holds WHERE id = ANY(:ids::text[]);

-- name: lock_holds
-- Holds by id, locked in one order.
SELECT * FROM holds WHERE id = ANY(:ids::text[]) ORDER BY id FOR UPDATE;

-- name: insert_holds!
-- Place holds, and record the wallets that their orders pay out to, so that these do not close meanwhile; default wallets never
-- do. It fails if one has a row already, placed or a tombstone. Wallets of other cells are not recorded here.
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset(:holds::jsonb) AS h (id text, order_id text, wallet_id text, user_id text,
        currency text, amount numeric, expires_at timestamptz, payout_wallet_ids text[])
), placed AS (
    INSERT INTO holds (id, order_id, wallet_id, user_id, currency, amount, expires_at, next_check_at, status, version,
        placed_at)
    SELECT h.id, h.order_id, h.wallet_id, h.user_id, h.currency, h.amount, h.expires_at, h.expires_at, 'placed', 1, :at
    FROM wanted h ORDER BY h.id
)
INSERT INTO order_payouts (order_id, wallet_id)
SELECT DISTINCT h.order_id, w.id
FROM wanted h CROSS JOIN unnest(h.payout_wallet_ids) AS payee (id)
JOIN wallets w ON w.id = payee.id AND NOT w.is_default
ON CONFLICT DO NOTHING;

-- name: write_hold_tombstones!
-- Write tombstones: mark holds released that were never placed, so that a late command is refused. It fails if one was.
INSERT INTO holds (id, order_id, status, reason, version, placed_at, ended_at)
SELECT h.id, h.order_id, 'released', h.reason, 1, :at, :at
FROM jsonb_to_recordset(:holds::jsonb) AS h (id text, order_id text, reason text)
ORDER BY h.id;

-- name: end_holds!
-- End holds: captured or released.
UPDATE holds SET status = :status, reason = e.reason, captured = e.captured, version = version + 1, ended_at = :at
FROM jsonb_to_recordset(:ends::jsonb) AS e (id text, reason text, captured numeric)
WHERE holds.id = e.id AND holds.status = 'placed';

-- name: change_held!
-- Change the held amounts of accounts.
UPDATE accounts a SET held = a.held + d.change, version = a.version + d.times
FROM (SELECT wallet_id, currency, sum(change) AS change, count(*) AS times
      FROM jsonb_to_recordset(:changes::jsonb) AS c (wallet_id text, currency text, change numeric)
      GROUP BY wallet_id, currency) d
WHERE a.wallet_id = d.wallet_id AND a.currency = d.currency;

-- name: firm_holds!
-- Holds of confirmed orders no longer expire; their orders are checked again much later, in case an event is lost.
UPDATE holds SET firm = true, next_check_at = :at WHERE id = ANY(:ids::text[]) AND status = 'placed';

-- name: find_expired_holds
-- Expired holds whose orders are due to be checked, without those that back off; each user's first before any user's
-- second, those that have waited longest first. A firm hold of no order ends with its withdrawal.
SELECT * FROM holds h WHERE status = 'placed' AND (NOT firm OR order_id <> '') AND next_check_at <= :now
  AND NOT EXISTS (SELECT FROM job_failures f WHERE f.job = 'sweep_holds' AND f.item = h.id AND f.next_try_at > :now)
ORDER BY row_number() OVER (PARTITION BY user_id ORDER BY next_check_at, id), next_check_at, id LIMIT :most;

-- name: lock_lapsed_holds
-- A wallet's expired holds that belong to no order, locked.
SELECT * FROM holds
WHERE wallet_id = :wallet_id AND status = 'placed' AND NOT firm AND order_id = '' AND expires_at <= :now
ORDER BY id FOR UPDATE;

-- name: back_off_holds!
-- The orders are undecided: check again after a delay that doubles each time, so that they cannot block others.
UPDATE holds SET checks = checks + 1,
    next_check_at = :now::timestamptz + least(:first::interval * pow(2, least(checks, 16)), :longest::interval)
WHERE id = ANY(:ids::text[]) AND status = 'placed';
