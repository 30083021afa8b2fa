-- name: paid_orders_have_one_claim
-- Each paid order has one claim: open, with a voucher, or voided.
SELECT o.id AS subject, count(c.id) || ' claims' AS detail
FROM jsonb_to_recordset(:orders::jsonb) AS o (id text, paid_at timestamptz, paid_version bigint)
LEFT JOIN claims c ON c.order_id = o.id
LEFT JOIN inbox p ON p.consumer = 'open_claim' AND p.stream = o.id
WHERE o.paid_at <= :settled OR o.paid_at <= :at AND p.version >= o.paid_version
GROUP BY o.id HAVING count(c.id) <> 1;

-- name: claims_are_as_their_orders_say
-- A refunded order never has a voucher; an order whose merchant was paid always has an open claim or a voucher; the
-- order knows of vouchers and redemptions.
SELECT o.id AS subject, 'claim ' || c.status || ', the order was ' || CASE
           WHEN o.refunded_at IS NOT NULL THEN 'refunded' WHEN o.completed_at IS NOT NULL THEN 'completed'
           WHEN o.claimed_at IS NOT NULL THEN 'claimed' WHEN o.earned_at IS NOT NULL THEN 'matured'
           WHEN o.paid_at IS NOT NULL THEN 'paid' ELSE 'not paid' END AS detail
FROM jsonb_to_recordset(:orders::jsonb) AS o (id text, paid_at timestamptz, refunded_at timestamptz,
    earned_at timestamptz, claimed_at timestamptz, completed_at timestamptz)
JOIN claims c ON c.order_id = o.id
WHERE o.refunded_at <= :settled AND c.status <> 'voided'
   OR o.earned_at <= :settled AND c.status = 'voided'
   OR o.claimed_at <= :settled AND c.claimed_at IS NULL
   OR c.opened_at <= :settled AND o.paid_at IS NULL
   OR c.claimed_at <= :settled AND o.claimed_at IS NULL
   OR c.processed_at <= :settled AND o.completed_at IS NULL;

-- name: claims_are_of_their_orders
-- A claim grants what its order bought, to the buyer who paid; no claim is for an unknown order. A tombstone (voided
-- before it was opened) grants nothing.
SELECT c.order_id AS subject, c.id || ' of ' || c.user_id || ' for ' || c.items || CASE
           WHEN o.id IS NULL THEN ', there is no such order'
           ELSE ', ' || o.user_id || ' bought ' || o.items END AS detail
FROM claims c
LEFT JOIN (
    SELECT p.id, p.user_id, p.address, p.merchant_id, (
        SELECT jsonb_agg(jsonb_build_object('chain_id', i.chain_id, 'contract', i.contract, 'token_id', i.token_id,
                                            'quantity', i.quantity) ORDER BY i.place)
        FROM ROWS FROM (jsonb_to_recordset(p.items)
            AS (chain_id bigint, contract text, token_id text, quantity bigint)) WITH ORDINALITY
            AS i (chain_id, contract, token_id, quantity, place)
    ) AS items
    FROM jsonb_to_recordset(:orders::jsonb) AS p (id text, user_id text, address text, merchant_id text, items jsonb)
) o ON o.id = c.order_id
WHERE c.order_id >= :from_id AND c.order_id < :below_id
  AND CASE WHEN o.id IS NULL THEN c.opened_at <= :settled
      ELSE (c.user_id, c.address) <> (o.user_id, o.address)
           OR c.merchant_id NOT IN (o.merchant_id, '')
           OR NOT (c.status = 'voided' AND c.items = '[]') AND o.items IS DISTINCT FROM (
               SELECT jsonb_agg(i.item - 'supply_id' ORDER BY i.place)
               FROM jsonb_array_elements(c.items) WITH ORDINALITY AS i (item, place)) END;
