-- name: open_wallet^
-- Open a user's default wallet; no row when there is one.
INSERT INTO wallets (id, user_id, name, address, chain_id, status, is_default, version, created_at, updated_at)
VALUES (:id, :user_id, :name, :address, :chain_id, 'open', true, 1, :at, :at)
ON CONFLICT (user_id) WHERE is_default DO NOTHING
RETURNING id;

-- name: find_default^
-- A user's default wallet.
SELECT * FROM wallets WHERE user_id = :user_id AND is_default;

-- name: find_wallets
-- Wallets by id, and the default wallets of users.
SELECT * FROM wallets WHERE id = ANY(:ids::text[]) OR (is_default AND user_id = ANY(:default_of::text[]));

-- name: list_wallets
-- A user's wallets, newest first, beyond a wallet already shown.
SELECT * FROM wallets WHERE user_id = :user_id AND (:after::text IS NULL OR id < :after) ORDER BY id DESC LIMIT :most;

-- name: picture
-- Balances and the holds that compose them, as one statement sees them.
SELECT a.currency, a.posted, a.held, a.version,
       h.id AS hold_id, h.order_id, h.amount AS hold_amount
FROM accounts a
LEFT JOIN holds h ON h.wallet_id = a.wallet_id AND h.currency = a.currency AND h.status = 'placed'
WHERE a.wallet_id = :wallet_id
ORDER BY a.currency, h.id;

-- name: picture_at
-- Balances and holds as they were at a time, from the entries and the lives of holds until then.
SELECT a.currency,
       (SELECT coalesce(sum(e.amount), 0) FROM entries e
        WHERE e.account = a.wallet_id AND e.currency = a.currency AND e.created_at <= :at) AS posted,
       (SELECT coalesce(sum(s.amount), 0) FROM holds s
        WHERE s.wallet_id = a.wallet_id AND s.currency = a.currency
          AND s.placed_at <= :at AND (s.ended_at IS NULL OR s.ended_at > :at)) AS held,
       a.version, h.id AS hold_id, h.order_id, h.amount AS hold_amount
FROM accounts a
LEFT JOIN holds h ON h.wallet_id = a.wallet_id AND h.currency = a.currency
    AND h.placed_at <= :at AND (h.ended_at IS NULL OR h.ended_at > :at)
WHERE a.wallet_id = :wallet_id
ORDER BY a.currency, h.id;

-- name: list_entries
-- A wallet's ledger, newest first in the order of its balances, beyond an entry already shown.
SELECT e.id, e.transfer_id, e.currency, e.amount, e.balance_after, t.kind,
       coalesce(nullif(t.reference, ''), t.order_id, '') AS reference, e.created_at
FROM entries e JOIN transfers t ON t.id = e.transfer_id
WHERE e.account = :wallet_id
  AND (:after::text IS NULL OR e.position < (SELECT position FROM entries WHERE id = :after))
ORDER BY e.position DESC LIMIT :most;

-- name: lock_accounts
-- Accounts that a batch is about to change, locked in one order so that batches cannot block each other in a ring.
SELECT wallet_id, currency, posted, held FROM accounts
WHERE wallet_id = ANY(:wallet_ids::text[]) ORDER BY wallet_id, currency FOR UPDATE;

-- name: post_transfer
-- One movement of money: the transfer, its entries, and the running balances of the wallets in it.
WITH posting AS (
    SELECT * FROM jsonb_to_recordset(:postings::jsonb)
        AS p (entry_id text, account text, system boolean, currency text, amount numeric, unhold numeric)
), locked AS MATERIALIZED (
    SELECT a.wallet_id FROM accounts a JOIN posting p ON p.account = a.wallet_id AND p.currency = a.currency
    ORDER BY a.wallet_id, a.currency FOR UPDATE OF a
), debited AS (
    UPDATE accounts a SET posted = a.posted + p.amount, held = a.held - p.unhold, version = a.version + 1
    FROM posting p
    WHERE a.wallet_id = p.account AND a.currency = p.currency AND p.amount < 0
      AND (SELECT count(*) FROM locked) >= 0
    RETURNING a.wallet_id, a.currency, a.posted
), credited AS (
    INSERT INTO accounts AS a (wallet_id, currency, posted, held, version)
    SELECT p.account, p.currency, p.amount, 0, 1 FROM posting p
    WHERE NOT p.system AND p.amount > 0 AND (SELECT count(*) FROM locked) >= 0
    ON CONFLICT (wallet_id, currency) DO UPDATE SET posted = a.posted + excluded.posted, version = a.version + 1
    RETURNING a.wallet_id, a.currency, a.posted
), moved AS (
    SELECT * FROM debited UNION ALL SELECT * FROM credited
), transfer AS (
    INSERT INTO transfers (id, kind, reference, order_id, created_at)
    VALUES (:id, :kind, :reference, :order_id, :at) RETURNING id
)
INSERT INTO entries (id, transfer_id, account, currency, amount, balance_after, created_at)
SELECT p.entry_id, t.id, p.account, p.currency, p.amount, m.posted, :at
FROM posting p CROSS JOIN transfer t LEFT JOIN moved m ON m.wallet_id = p.account AND m.currency = p.currency
RETURNING account, balance_after;

-- name: find_holds
-- Holds by id.
SELECT * FROM holds WHERE id = ANY(:ids::text[]);

-- name: lock_holds
-- Holds by id, locked in one order.
SELECT * FROM holds WHERE id = ANY(:ids::text[]) ORDER BY id FOR UPDATE;

-- name: insert_holds
-- Place holds; one that has a row already, placed or a tombstone, is left out of the answer.
INSERT INTO holds (id, order_id, wallet_id, user_id, currency, amount, expires_at, status, version, placed_at)
SELECT h.id, h.order_id, h.wallet_id, h.user_id, h.currency, h.amount, h.expires_at, 'placed', 1, :at
FROM jsonb_to_recordset(:holds::jsonb) AS h (id text, order_id text, wallet_id text, user_id text, currency text,
    amount numeric, expires_at timestamptz)
ORDER BY h.id
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: bury_holds!
-- Mark holds released that were never placed, so that a late command finds them so.
INSERT INTO holds (id, order_id, status, reason, version, placed_at, ended_at)
SELECT h.id, h.order_id, 'released', h.reason, 1, :at, :at
FROM jsonb_to_recordset(:holds::jsonb) AS h (id text, order_id text, reason text)
ORDER BY h.id
ON CONFLICT (id) DO NOTHING;

-- name: end_holds!
-- Holds come to their end: captured or released.
UPDATE holds SET status = :status, reason = e.reason, version = version + 1, ended_at = :at
FROM jsonb_to_recordset(:ends::jsonb) AS e (id text, reason text)
WHERE holds.id = e.id AND holds.status = 'placed';

-- name: change_held!
-- What is set aside on accounts grows or shrinks.
UPDATE accounts a SET held = a.held + d.change, version = a.version + 1
FROM (SELECT wallet_id, currency, sum(change) AS change
      FROM jsonb_to_recordset(:changes::jsonb) AS c (wallet_id text, currency text, change numeric)
      GROUP BY wallet_id, currency) d
WHERE a.wallet_id = d.wallet_id AND a.currency = d.currency;

-- name: firm_holds!
-- Holds of confirmed orders no longer expire.
UPDATE holds SET firm = true WHERE id = ANY(:ids::text[]) AND status = 'placed';

-- name: find_expired_holds
-- Holds that have outlived their time and about which their orders have not been asked.
SELECT * FROM holds WHERE status = 'placed' AND NOT firm AND expires_at <= :now ORDER BY expires_at LIMIT :most;

-- name: open_escrow!
-- The money of an order that was just paid.
INSERT INTO escrows (order_id, currency, amount, status, updated_at)
VALUES (:order_id, :currency, :amount, 'captured', :at);

-- name: lock_escrow^
-- An order's escrow, locked.
SELECT order_id, currency, amount, status FROM escrows WHERE order_id = :order_id FOR UPDATE;

-- name: end_escrow!
-- The escrow was settled or refunded.
UPDATE escrows SET status = :status, updated_at = :at WHERE order_id = :order_id AND status = 'captured';
