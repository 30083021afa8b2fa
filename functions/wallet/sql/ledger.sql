-- name: lock_accounts
-- Accounts that a batch is about to change, locked in one order so that batches cannot block each other in a ring.
SELECT wallet_id, currency, posted, held FROM accounts
WHERE wallet_id = ANY(:wallet_ids::text[]) ORDER BY wallet_id, currency FOR UPDATE;

-- name: post_transfers$
-- Movements of money, all or none: transfers, entries, and the running balances of the wallets in them, in one round
-- trip. Answers why nothing was done; null when all was. What counts is the effect of all postings on an account.
WITH posting AS (
    SELECT row_number() OVER () AS place, p.*
    FROM jsonb_to_recordset(:postings::jsonb) AS p (entry_id text, transfer_id text, account text, system boolean,
        currency text, amount numeric, unhold numeric)
), change AS (
    SELECT account, currency, sum(amount) AS amount, sum(unhold) AS unhold
    FROM posting WHERE NOT system GROUP BY account, currency
), locked AS MATERIALIZED (
    SELECT a.wallet_id, a.currency, a.posted, a.held
    FROM accounts a JOIN change c ON c.account = a.wallet_id AND c.currency = a.currency
    ORDER BY a.wallet_id, a.currency FOR UPDATE OF a
), verdict AS MATERIALIZED (
    SELECT CASE
        WHEN bool_or(coalesce(l.posted, 0) + c.amount < coalesce(l.held, 0) - c.unhold) THEN 'INSUFFICIENT_FUNDS'
        WHEN bool_or(coalesce(l.posted, 0) + c.amount >= 2::numeric ^ 256) THEN 'BALANCE_OVERFLOW'
    END AS refusal
    FROM change c LEFT JOIN locked l ON l.wallet_id = c.account AND l.currency = c.currency
), changed AS (
    UPDATE accounts a SET posted = a.posted + c.amount, held = a.held - c.unhold, version = a.version + 1
    FROM change c, verdict v, locked l
    WHERE v.refusal IS NULL AND l.wallet_id = c.account AND l.currency = c.currency
      AND a.wallet_id = c.account AND a.currency = c.currency
    RETURNING a.wallet_id, a.currency, a.posted
), opened AS (
    INSERT INTO accounts AS a (wallet_id, currency, posted, held, version)
    SELECT c.account, c.currency, c.amount, 0, 1 FROM change c, verdict v
    WHERE v.refusal IS NULL
      AND NOT EXISTS (SELECT FROM locked l WHERE l.wallet_id = c.account AND l.currency = c.currency)
    ON CONFLICT (wallet_id, currency) DO UPDATE SET posted = a.posted + excluded.posted, version = a.version + 1
    RETURNING a.wallet_id, a.currency, a.posted
), moved AS (
    SELECT * FROM changed UNION ALL SELECT * FROM opened
), transfer AS (
    INSERT INTO transfers (id, kind, reference, order_id, created_at)
    SELECT t.id, t.kind, t.reference, t.order_id, t.at
    FROM verdict v, jsonb_to_recordset(:transfers::jsonb)
        AS t (id text, kind text, reference text, order_id text, at timestamptz)
    WHERE v.refusal IS NULL
    RETURNING id, created_at
), entry AS (
    INSERT INTO entries (id, transfer_id, account, currency, amount, balance_after, created_at)
    SELECT p.entry_id, p.transfer_id, p.account, p.currency, p.amount,
           m.posted - coalesce(sum(p.amount) OVER (PARTITION BY p.account, p.currency ORDER BY p.place
               ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 0),
           t.created_at
    FROM posting p JOIN transfer t ON t.id = p.transfer_id
    LEFT JOIN moved m ON m.wallet_id = p.account AND m.currency = p.currency
    ORDER BY p.place
)
-- Two first credits of an account at once see no row to lock; the second to come has to look again.
SELECT CASE WHEN EXISTS (SELECT FROM moved WHERE posted >= 2::numeric ^ 256) THEN 'CONTENDED' ELSE refusal END
FROM verdict;

-- name: find_transfer
-- A transfer with its postings.
SELECT t.id, t.kind, t.reference, t.order_id, t.created_at, e.account, e.currency, e.amount
FROM transfers t JOIN entries e ON e.transfer_id = t.id WHERE t.id = :id ORDER BY e.position;

-- name: seal_entries^
-- Seal the entries of all transactions that are complete and not sealed yet; no row when there is none.
WITH last AS (
    SELECT number, to_transaction, hash FROM seals ORDER BY number DESC LIMIT 1
), range AS (
    SELECT coalesce((SELECT to_transaction FROM last), '0'::xid8) AS from_transaction,
           pg_snapshot_xmin(pg_current_snapshot()) AS to_transaction
)
INSERT INTO seals (number, from_transaction, to_transaction, entries, hash, sealed_at)
SELECT coalesce((SELECT number FROM last), 0) + 1, r.from_transaction, r.to_transaction, b.entries,
       sha256(coalesce((SELECT hash FROM last), '') || convert_to(b.content, 'UTF8')), :at
FROM range r, sealed_batch(r.from_transaction, r.to_transaction) b
WHERE b.entries > 0
ON CONFLICT (number) DO NOTHING
RETURNING number, entries, encode(hash, 'hex') AS hash;

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

-- name: is_waited_for$
-- Whether the money of a sale that a wallet paid may still come back to it.
SELECT EXISTS (SELECT FROM holds h JOIN escrows e ON e.order_id = h.order_id
               WHERE h.wallet_id = :wallet_id AND h.status = 'captured' AND e.status = 'captured');

-- name: list_available
-- What may be spent from wallets.
SELECT wallet_id, currency, posted - held AS available FROM accounts
WHERE wallet_id = ANY(:wallet_ids::text[]) ORDER BY wallet_id, currency;

-- name: list_entries
-- A wallet's ledger, newest first in the order of its balances, beyond an entry already shown.
SELECT e.id, e.transfer_id, e.currency, e.amount, e.balance_after, t.kind,
       coalesce(nullif(t.reference, ''), t.order_id, '') AS reference, e.created_at
FROM entries e JOIN transfers t ON t.id = e.transfer_id
WHERE e.account = :wallet_id
  AND (:after::text IS NULL OR e.position < (SELECT position FROM entries WHERE id = :after))
ORDER BY e.position DESC LIMIT :most;

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
