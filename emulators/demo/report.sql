-- name: order_figures
-- The orders of these merchants by outcome.
SELECT count(*) AS "all",
       count(*) FILTER (WHERE status = 'pending' OR status = 'confirmed') AS open,
       count(*) FILTER (WHERE status NOT IN ('pending', 'failed', 'cancelled', 'expired')) AS confirmed,
       count(*) FILTER (WHERE status IN ('failed', 'cancelled', 'expired')) AS refused,
       count(*) FILTER (WHERE status IN ('paid', 'claimed', 'completed')) AS paid,
       count(*) FILTER (WHERE status IN ('claimed', 'completed')) AS claimed,
       coalesce(sum((SELECT sum((item ->> 'quantity')::bigint) FROM jsonb_array_elements(items) item))
           FILTER (WHERE status IN ('paid', 'claimed', 'completed')), 0)::bigint AS paid_units
FROM orders WHERE merchant_id = ANY(:merchant_ids::text[]);

-- name: claim_figures
-- The claims of these orders, and how many were handed out more than once.
SELECT count(*) FILTER (WHERE c.status NOT IN ('open', 'voided')) AS claimed,
       count(*) FILTER (WHERE (SELECT count(*) FROM events e WHERE e.stream = c.id AND e.type = 'claim.claimed') > 1)
           AS handed_out_twice
FROM claims c WHERE c.order_id = ANY(:order_ids::text[]);

-- name: sold_units
-- Units of these supplies that were sold, by their reservations.
SELECT coalesce(sum(quantity), 0)::bigint AS sold
FROM reservations WHERE supply_id = ANY(:supply_ids::text[]) AND status = 'committed';

-- name: ledger_sum
-- The whole ledger per currency.
SELECT currency, sum(amount) AS total FROM entries GROUP BY currency ORDER BY currency;
