-- name: lock_accounts
-- Lock the accounts that a batch is about to change, in one order so that batches cannot deadlock.
SELECT wallet_id, currency, posted, held FROM accounts
WHERE wallet_id = ANY(:wallet_ids::text[]) ORDER BY wallet_id, currency FOR UPDATE;

-- name: post_transfers
-- Move money: transfers, entries, balances and facts, all or none, in one round trip.
SELECT post_transfers(:transfer_ids::text[], :kinds::text[], :references::text[], :order_ids::text[], :at::timestamptz,
    :place_of::integer[], :accounts::text[], :currencies::text[],
    :amounts::numeric[], :unholds::numeric[], :event_ids::text[], :facts::jsonb[], :metadata::jsonb[]);

-- name: find_transfer
-- A transfer with its postings.
SELECT t.id, t.kind, t.reference, t.order_id, t.created_at, e.account, e.currency, e.amount
FROM transfers t JOIN entries e ON e.transfer_id = t.id WHERE t.id = :id ORDER BY e.position;

-- name: seal_entries^
-- Seal the entries of all transactions that are complete and not sealed yet; no row when there is none.
WITH last AS (
    SELECT number, to_transaction, hash FROM seals ORDER BY number DESC LIMIT 1
), next AS (
    SELECT coalesce((SELECT number FROM last), 0) + 1 AS number, coalesce((SELECT hash FROM last), '') AS before,
           coalesce((SELECT to_transaction FROM last), '0'::xid8) AS from_transaction,
           pg_snapshot_xmin(pg_current_snapshot()) AS to_transaction
)
INSERT INTO seals (number, from_transaction, to_transaction, entries, hash, sealed_at, format)
SELECT n.number, n.from_transaction, n.to_transaction, s.entries, s.hash, :at, 2
FROM next n, sealed(2, n.number, n.before, n.from_transaction, n.to_transaction, :at::timestamptz) s
WHERE s.entries > 0
ON CONFLICT (number) DO NOTHING
RETURNING number, entries, encode(hash, 'hex') AS hash;

-- name: roll_up$
-- Roll up the balances of the system accounts over the next complete transactions.
SELECT roll_up_house(:most::integer);

-- name: open_escrows!
-- The money of orders that were just paid.
INSERT INTO escrows (order_id, currency, amount, status, updated_at)
SELECT order_id, currency, amount, 'captured', :at
FROM unnest(:order_ids::text[], :currencies::text[], :amounts::numeric[]) AS e (order_id, currency, amount);

-- name: lock_escrow^
-- An order's escrow, locked.
SELECT order_id, currency, amount, status FROM escrows WHERE order_id = :order_id FOR UPDATE;

-- name: end_escrow!
-- The escrow was settled or refunded: its order no longer pays out to any wallet.
WITH over AS (DELETE FROM order_payouts WHERE order_id = :order_id)
UPDATE escrows SET status = :status, updated_at = :at WHERE order_id = :order_id AND status = 'captured';

-- name: may_still_pay$
-- Whether an order may still be refunded to a wallet, or be paid out to it.
SELECT EXISTS (SELECT FROM holds h JOIN escrows e ON e.order_id = h.order_id
               WHERE h.wallet_id = :wallet_id AND h.status = 'captured' AND e.status = 'captured')
    OR EXISTS (SELECT FROM order_payouts WHERE wallet_id = :wallet_id);

-- name: list_available
-- The available balances of wallets.
SELECT wallet_id, currency, posted - held AS available FROM accounts
WHERE wallet_id = ANY(:wallet_ids::text[]) ORDER BY wallet_id, currency;

-- name: list_entries
-- A wallet's ledger, newest first in the order of its balances, beyond an entry already shown.
SELECT e.position, e.transfer_id, e.currency, e.amount, e.balance_after, t.kind,
       coalesce(nullif(t.reference, ''), t.order_id, '') AS reference, e.created_at
FROM entries e JOIN transfers t ON t.id = e.transfer_id
WHERE e.account = :wallet_id AND (:after::bigint IS NULL OR e.position < :after)
ORDER BY e.position DESC LIMIT :most;

-- name: list_balances
-- Balances and the holds that compose them, as one statement sees them.
SELECT a.currency, a.posted, a.held, a.version,
       h.id AS hold_id, h.order_id, h.amount AS hold_amount
FROM accounts a
LEFT JOIN holds h ON h.wallet_id = a.wallet_id AND h.currency = a.currency AND h.status = 'placed'
WHERE a.wallet_id = :wallet_id
ORDER BY a.currency, h.id;

-- name: list_balances_at
-- Balances and holds as of a past time, from the entries and the lifetimes of holds. A hold of no order ended when it
-- expired, whenever it was released.
WITH life AS (
    SELECT h.*, placed_at <= :at AND (ended_at IS NULL OR ended_at > :at)
                AND NOT (order_id = '' AND NOT firm AND expires_at <= :at) AS placed
    FROM holds h WHERE wallet_id = :wallet_id
)
SELECT a.currency, e.posted, l.held, e.entries + l.changes AS version, h.id AS hold_id, h.order_id, h.amount AS hold_amount
FROM accounts a
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS posted, count(*) AS entries FROM entries
    WHERE account = a.wallet_id AND currency = a.currency AND created_at <= :at
) e
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount) FILTER (WHERE placed), 0) AS held,
           count(*) FILTER (WHERE placed_at <= :at)
               + count(*) FILTER (WHERE status = 'released' AND ended_at <= :at) AS changes
    FROM life WHERE currency = a.currency
) l
LEFT JOIN life h ON h.currency = a.currency AND h.placed
WHERE a.wallet_id = :wallet_id
ORDER BY a.currency, h.id;
