-- name: refer_payout$
-- Record that a supply pays out to a wallet, unless that is closed; waits for a transaction that is closing it.
WITH payee AS (SELECT id FROM wallets WHERE id = :wallet_id AND status = 'open' FOR KEY SHARE)
INSERT INTO payout_references AS r (supply_id, wallet_id, next_check_at)
SELECT :supply_id, id, :check_at::timestamptz FROM payee
ON CONFLICT (supply_id, wallet_id)
DO UPDATE SET version = r.version + 1, next_check_at = excluded.next_check_at
RETURNING r.wallet_id;

-- name: list_references
-- The supplies that are recorded to pay out to a wallet.
SELECT supply_id, wallet_id, version FROM payout_references WHERE wallet_id = :wallet_id ORDER BY supply_id;

-- name: find_due_references
-- References that are due to be checked with the supply service, those that have waited longest first.
SELECT supply_id, wallet_id, version FROM payout_references r
WHERE next_check_at <= :now::timestamptz AND NOT EXISTS (
    SELECT FROM job_failures f
    WHERE f.job = 'sweep_payouts' AND f.item = r.supply_id || ' ' || r.wallet_id AND f.next_try_at > :now)
ORDER BY next_check_at, supply_id LIMIT :most;

-- name: drop_references!
-- Delete ended references, except those recorded again since they were read.
DELETE FROM payout_references r
USING unnest(:supply_ids::text[], :wallet_ids::text[], :versions::bigint[]) AS e (supply_id, wallet_id, version)
WHERE (r.supply_id, r.wallet_id, r.version) = (e.supply_id, e.wallet_id, e.version);

-- name: back_off_references!
-- Postpone the next check of references that still hold.
UPDATE payout_references r SET next_check_at = :check_at
FROM unnest(:supply_ids::text[], :wallet_ids::text[], :versions::bigint[]) AS e (supply_id, wallet_id, version)
WHERE (r.supply_id, r.wallet_id, r.version) = (e.supply_id, e.wallet_id, e.version);

-- name: end_order_payouts!
-- Ended orders no longer pay out to any wallet.
DELETE FROM order_payouts WHERE order_id = ANY(:order_ids::text[]);
