-- name: refer_payout$
-- Note that a supply pays out to a wallet, unless that is closed: whoever closes it is waited for.
WITH payee AS (SELECT id FROM wallets WHERE id = :wallet_id AND status = 'open' FOR KEY SHARE)
INSERT INTO payout_references AS r (supply_id, wallet_id, next_check_at)
SELECT :supply_id, id, :check_at::timestamptz FROM payee
ON CONFLICT (supply_id, wallet_id)
DO UPDATE SET version = r.version + 1, next_check_at = excluded.next_check_at
RETURNING r.wallet_id;

-- name: list_references
-- The supplies that are noted to pay out to a wallet.
SELECT supply_id, wallet_id, version FROM payout_references WHERE wallet_id = :wallet_id ORDER BY supply_id;

-- name: find_due_references
-- References about which their supplies have to be asked now, those that wait longest first.
SELECT supply_id, wallet_id, version FROM payout_references r
WHERE next_check_at <= :now::timestamptz AND NOT EXISTS (
    SELECT FROM job_failures f
    WHERE f.job = 'sweep_payouts' AND f.item = r.supply_id || ' ' || r.wallet_id AND f.next_try_at > :now)
ORDER BY next_check_at, supply_id LIMIT :most;

-- name: drop_references!
-- References that are over, but for those that were noted again since.
DELETE FROM payout_references r
USING unnest(:supply_ids::text[], :wallet_ids::text[], :versions::bigint[]) AS e (supply_id, wallet_id, version)
WHERE (r.supply_id, r.wallet_id, r.version) = (e.supply_id, e.wallet_id, e.version);

-- name: postpone_references!
-- References that stand are asked about again much later.
UPDATE payout_references r SET next_check_at = :check_at
FROM unnest(:supply_ids::text[], :wallet_ids::text[], :versions::bigint[]) AS e (supply_id, wallet_id, version)
WHERE (r.supply_id, r.wallet_id, r.version) = (e.supply_id, e.wallet_id, e.version);

-- name: end_order_payouts!
-- Orders that are over pay out to nobody.
DELETE FROM order_payouts WHERE order_id = ANY(:order_ids::text[]);
