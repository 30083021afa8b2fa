-- name: paid_orders_are_sold
-- The units of a paid order are sold; only a refund with restock returns them to stock.
SELECT o.id AS subject, string_agg(i.item_id || ' ' || coalesce(r.status, 'without reservation'), ', ') AS detail
FROM jsonb_to_recordset(:orders::jsonb) AS o (id text, items jsonb, paid_at timestamptz, paid_version bigint,
    refunded_at timestamptz, refunded_version bigint, restocked boolean)
CROSS JOIN LATERAL jsonb_to_recordset(o.items) AS i (item_id text)
LEFT JOIN reservations r ON r.id = 'rsv' || substr(i.item_id, 4)
LEFT JOIN inbox c ON c.consumer = 'commit_stock' AND c.stream = o.id
LEFT JOIN inbox b ON b.consumer = 'return_stock' AND b.stream = o.id
WHERE (o.paid_at <= :settled OR o.paid_at <= :at AND c.version >= o.paid_version) AND CASE
    WHEN o.restocked AND (o.refunded_at <= :settled OR o.refunded_at <= :at AND b.version >= o.refunded_version)
        THEN r.status IS DISTINCT FROM 'returned'
    ELSE r.status IS DISTINCT FROM 'committed'
        -- A refund newer than the list of orders may have returned it just now.
        AND NOT (r.status = 'returned' AND (o.restocked OR r.ended_at > :settled)) END
GROUP BY o.id;

-- name: reservations_are_of_their_orders
-- A reservation matches one line of its order in supply, quantity and buyer; none is without an order.
SELECT r.order_id AS subject, r.id || ' of ' || r.quantity || ' of ' || r.supply_id || ' for ' || r.user_id || CASE
           WHEN o.id IS NULL THEN ', there is no such order'
           WHEN i.item_id IS NULL THEN ', the order has no such line'
           ELSE ', ordered were ' || i.quantity || ' of ' || i.supply_id || ' by ' || o.user_id END AS detail
FROM reservations r
LEFT JOIN jsonb_to_recordset(:orders::jsonb) AS o (id text, user_id text, items jsonb) ON o.id = r.order_id
LEFT JOIN LATERAL jsonb_to_recordset(o.items) AS i (item_id text, supply_id text, quantity bigint)
    ON substr(i.item_id, 4) = substr(r.id, 4)
WHERE r.order_id >= :from_id AND r.order_id < :below_id AND r.quantity > 0
  AND CASE WHEN o.id IS NULL THEN r.made_at <= :settled
      ELSE (r.supply_id, r.quantity, r.user_id) IS DISTINCT FROM (i.supply_id, i.quantity, o.user_id) END;

-- name: reservations_end_with_their_orders
-- A confirmed order keeps its reservations until it is paid; an ended order's are released.
SELECT o.id AS subject, string_agg(i.item_id || ' ' || coalesce(r.status, 'without reservation'), ', ') || ', the order was '
       || CASE WHEN o.ended_at IS NOT NULL THEN 'ended' WHEN o.paid_at IS NOT NULL THEN 'paid'
          WHEN o.confirmed_at IS NOT NULL THEN 'confirmed' ELSE 'placed' END AS detail
FROM jsonb_to_recordset(:orders::jsonb) AS o (id text, items jsonb, confirmed_at timestamptz, paid_at timestamptz,
    ended_at timestamptz, ended_version bigint, refunded_at timestamptz, restocked boolean)
CROSS JOIN LATERAL jsonb_to_recordset(o.items) AS i (item_id text)
LEFT JOIN reservations r ON r.id = 'rsv' || substr(i.item_id, 4) AND r.quantity > 0
LEFT JOIN inbox b ON b.consumer = 'return_reserved' AND b.stream = o.id
WHERE o.confirmed_at <= :settled AND o.paid_at IS NULL AND r.id IS NULL
   OR r.status IN ('reserved', 'committed')
      AND (o.ended_at <= :settled OR o.ended_at <= :at AND b.version >= o.ended_version)
   OR r.ended_at <= :settled AND (r.status = 'released' AND o.ended_at IS NULL
                                  OR r.status IN ('committed', 'returned') AND o.paid_at IS NULL AND o.ended_at IS NULL
                                  OR r.status = 'returned' AND NOT (o.refunded_at IS NOT NULL AND o.restocked))
GROUP BY o.id, o.ended_at, o.paid_at, o.confirmed_at;

-- name: orders_are_of_what_is_sold
-- An order's lines name supplies of its merchant, with the currency and the asset of those.
SELECT o.id AS subject, i.item_id || ' of ' || i.supply_id || CASE WHEN s.id IS NULL THEN ', there is no such supply'
           ELSE ' of ' || s.merchant_id || ', which is ' || s.token_id || ' of ' || s.contract END AS detail
FROM jsonb_to_recordset(:orders::jsonb) AS o (id text, merchant_id text, currency text, items jsonb)
CROSS JOIN LATERAL jsonb_to_recordset(o.items) AS i (item_id text, supply_id text, chain_id bigint, contract text,
    token_id numeric, standard text)
LEFT JOIN supplies s ON s.id = i.supply_id
WHERE (s.merchant_id, s.currency, s.chain_id, s.contract, s.token_id, s.standard)
    IS DISTINCT FROM (o.merchant_id, o.currency, i.chain_id, i.contract, i.token_id, i.standard);
