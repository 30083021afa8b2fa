-- name: paid_orders_were_captured
-- Each paid order has a captured hold and an escrow.
SELECT o.id AS subject, 'hold ' || coalesce(h.status, 'missing') || ', escrow ' || coalesce(e.status, 'missing') AS detail
FROM jsonb_to_recordset(:orders::jsonb) AS o (id text, total numeric, paid_at timestamptz)
LEFT JOIN holds h ON h.id = 'hld' || substr(o.id, 4)
LEFT JOIN escrows e ON e.order_id = o.id
WHERE o.total > 0 AND o.paid_at <= :settled AND (h.status IS DISTINCT FROM 'captured' OR e.order_id IS NULL);

-- name: holds_are_of_their_orders
-- A hold is of its order's total, in the wallet that the order names; no hold is for an unknown order.
SELECT h.order_id AS subject, h.id || ' of ' || h.amount || ' ' || h.currency || ' in ' || h.wallet_id || CASE
           WHEN o.id IS NULL THEN ', there is no such order'
           ELSE ', ordered were ' || o.total || ' ' || o.currency || ' from ' || o.wallet_id END AS detail
FROM holds h
LEFT JOIN jsonb_to_recordset(:orders::jsonb)
    AS o (id text, user_id text, wallet_id text, currency text, total numeric) ON o.id = h.order_id
LEFT JOIN wallets w ON w.id = h.wallet_id
WHERE h.id >= 'hld' || substr(:from_id::text, 4) AND h.id < 'hld' || substr(:below_id::text, 4)
  AND h.order_id <> '' AND h.wallet_id IS NOT NULL
  AND CASE WHEN o.id IS NULL THEN h.placed_at <= :settled
      ELSE (h.wallet_id, h.user_id, w.user_id, h.currency, h.amount, coalesce(h.captured, h.amount))
          IS DISTINCT FROM (o.wallet_id, o.user_id, o.user_id, o.currency, o.total, o.total) END;

-- name: holds_end_with_their_orders
-- A hold is placed while its order may be paid, captured for a confirmed order, and released for an ended one.
SELECT o.id AS subject, 'hold ' || coalesce(h.status, 'missing') || ', the order was ' || CASE
           WHEN o.ended_at IS NOT NULL THEN 'ended' WHEN o.paid_at IS NOT NULL THEN 'paid'
           WHEN o.confirmed_at IS NOT NULL THEN 'confirmed' ELSE 'placed' END AS detail
FROM jsonb_to_recordset(:orders::jsonb) AS o (id text, total numeric, confirmed_at timestamptz, confirmed_version bigint,
    paid_at timestamptz, ended_at timestamptz, ended_version bigint)
LEFT JOIN holds h ON h.id = 'hld' || substr(o.id, 4) AND h.wallet_id IS NOT NULL
LEFT JOIN inbox c ON c.consumer = 'capture_hold' AND c.stream = o.id
LEFT JOIN inbox r ON r.consumer = 'return_hold' AND r.stream = o.id
WHERE o.total > 0 AND o.confirmed_at <= :settled AND h.id IS NULL
   OR h.status = 'placed' AND (o.ended_at <= :settled OR o.ended_at <= :at AND r.version >= o.ended_version
                               OR o.confirmed_at <= :at AND c.version >= o.confirmed_version)
   OR h.ended_at <= :settled AND (h.status = 'captured' AND (o.ended_at IS NOT NULL OR o.paid_at IS NULL)
                                  OR h.status = 'released' AND o.ended_at IS NULL);

-- name: escrows_are_of_their_orders
-- An escrow is of its order's total, and was paid for it; no escrow is for an unknown order.
SELECT e.order_id AS subject, e.amount || ' ' || e.currency || ' ' || e.status || CASE
           WHEN o.id IS NULL THEN ', there is no such order'
           WHEN o.paid_at IS NULL THEN ', the order was not paid'
           ELSE ', ordered were ' || o.total || ' ' || o.currency END AS detail
FROM escrows e
LEFT JOIN jsonb_to_recordset(:orders::jsonb) AS o (id text, currency text, total numeric, paid_at timestamptz)
    ON o.id = e.order_id
WHERE e.order_id >= :from_id AND e.order_id < :below_id
  AND (o.paid_at IS NULL AND e.updated_at <= :settled OR (e.currency, e.amount) <> (o.currency, o.total));

-- name: money_went_where_its_order_says
-- The money of a refunded order went back to the paying wallet, that of a claimed or matured one to the merchant; it
-- went nowhere else, and not before.
SELECT o.id AS subject, 'escrow ' || coalesce(e.status, 'missing') || ', the order was ' || CASE
           WHEN o.refunded_at IS NOT NULL THEN 'refunded' WHEN o.earned_at IS NOT NULL THEN 'claimed or matured'
           ELSE 'neither refunded, claimed nor matured' END AS detail
FROM jsonb_to_recordset(:orders::jsonb)
    AS o (id text, total numeric, refunded_at timestamptz, earned_at timestamptz, earned_version bigint)
LEFT JOIN escrows e ON e.order_id = o.id
LEFT JOIN inbox s ON s.consumer = 'settle_order' AND s.stream = o.id
WHERE o.total > 0
  AND (o.refunded_at <= :settled AND e.status IS DISTINCT FROM 'refunded'
       OR (o.earned_at <= :settled OR o.earned_at <= :at AND s.version >= o.earned_version)
           AND e.status IS DISTINCT FROM 'settled'
       OR e.updated_at <= :settled AND (e.status = 'refunded' AND o.refunded_at IS NULL
                                        OR e.status = 'settled' AND o.earned_at IS NULL));

-- name: transfers_are_as_their_orders_say
-- The money of an order moves as the order says: its total from its wallet into escrow, and from there back, or to each
-- of its payout wallets less the fee. Credits to a closed wallet go to its owner's default wallet, those to a wallet of
-- another cell into transit.
WITH said AS (
    SELECT * FROM jsonb_to_recordset(:orders::jsonb)
        AS o (id text, wallet_id text, currency text, total numeric, fee_bps integer, payouts jsonb)
), moved AS (
    SELECT t.order_id, t.kind, e.account, e.currency, e.amount FROM transfers t JOIN entries e ON e.transfer_id = t.id
    WHERE t.order_id >= :from_id AND t.order_id < :below_id AND t.kind IN ('capture', 'refund', 'settlement')
      AND (t.created_at <= :settled OR EXISTS (SELECT FROM said WHERE id = t.order_id))
), due AS (
    SELECT id AS order_id, 'capture' AS kind, wallet_id AS account, currency, -total AS amount FROM said
    UNION ALL SELECT id, 'capture', 'escrow', currency, total FROM said
    UNION ALL SELECT id, 'refund', wallet_id, currency, total FROM said
    UNION ALL SELECT id, 'refund', 'escrow', currency, -total FROM said
    UNION ALL SELECT id, 'settlement', 'escrow', currency, -total FROM said
    UNION ALL SELECT o.id, 'settlement', l.account, o.currency, l.amount FROM said o
        CROSS JOIN LATERAL jsonb_to_recordset(o.payouts) AS p (wallet_id text, amount numeric)
        CROSS JOIN LATERAL (VALUES ('fees', div(p.amount * o.fee_bps, 10000)),
                                   (CASE WHEN split_part(p.wallet_id, '_', 2) = split_part(o.id, '_', 2) THEN p.wallet_id
                                    ELSE 'transit:' || split_part(p.wallet_id, '_', 2) END,
                                    p.amount - div(p.amount * o.fee_bps, 10000))) AS l (account, amount)
), legs AS (
    SELECT order_id, kind, account, currency, amount AS moved, 0 AS due FROM moved
    UNION ALL SELECT order_id, kind, account, currency, 0, amount FROM due
        WHERE (order_id, kind) IN (SELECT order_id, kind FROM moved)
), sums AS (
    SELECT l.order_id, l.kind, CASE WHEN w.status = 'closed' AND l.kind <> 'capture' THEN d.id ELSE l.account END AS account,
           l.currency, sum(l.moved) AS moved, sum(l.due) AS due
    FROM legs l LEFT JOIN wallets w ON w.id = l.account LEFT JOIN wallets d ON d.user_id = w.user_id AND d.is_default
    GROUP BY 1, 2, 3, 4
)
SELECT order_id AS subject,
       kind || ': ' || string_agg(moved || ' ' || currency || ' to ' || account || ', due ' || due, ', ' ORDER BY account)
           AS detail
FROM sums WHERE moved <> due GROUP BY order_id, kind;

-- name: payouts_are_their_merchants
-- The payout wallets of an order belong to its merchant, as far as they are wallets of its cell.
SELECT o.id AS subject, p.wallet_id || ' is of ' || coalesce(w.user_id, 'nobody') || ', not of ' || o.merchant_id AS detail
FROM jsonb_to_recordset(:orders::jsonb) AS o (id text, merchant_id text, payouts jsonb)
CROSS JOIN LATERAL jsonb_to_recordset(o.payouts) AS p (wallet_id text)
LEFT JOIN wallets w ON w.id = p.wallet_id
WHERE split_part(p.wallet_id, '_', 2) = split_part(o.id, '_', 2) AND w.user_id IS DISTINCT FROM o.merchant_id;
