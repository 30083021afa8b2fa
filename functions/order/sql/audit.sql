-- name: orders_follow_their_events
-- Every stream of an order has one projection that matches its events, and there is no other projection.
SELECT coalesce(o.id, p.stream) AS subject, 'version ' || coalesce(o.version::text, 'none') || ', ' || coalesce(o.stage, 'no')
       || ', events say ' || coalesce(l.version, 0) || ', ' || coalesce(l.type, 'nothing') AS detail
FROM orders o
FULL JOIN (SELECT * FROM events WHERE type = 'order.placed' AND version = 1) p ON p.stream = o.id
LEFT JOIN LATERAL (SELECT version, type, recorded_at FROM events WHERE stream = coalesce(o.id, p.stream)
                   ORDER BY version DESC LIMIT 1) l ON true
WHERE (o.version, o.user_id, o.wallet_id, o.merchant_id, o.currency, o.total::text, o.created_at, o.updated_at, o.stage,
       o.status)
    IS DISTINCT FROM (l.version, p.data ->> 'user_id', p.data ->> 'wallet_id', p.data ->> 'merchant_id',
        p.data ->> 'currency', p.data ->> 'total', p.recorded_at, l.recorded_at, CASE l.type
            WHEN 'order.placed' THEN 'pending' WHEN 'order.refund_requested' THEN 'refunding'
            WHEN 'order.refund_refused' THEN 'promised' ELSE substr(l.type, 7) END, CASE
            WHEN l.type IN ('order.refund_requested', 'order.refund_refused', 'order.matured') THEN 'paid'
            WHEN l.type = 'order.placed' THEN 'pending' ELSE substr(l.type, 7) END);

-- name: facts_of_an_order_agree
-- The fields that an order's later events repeat equal those of order.placed.
SELECT e.stream AS subject, e.type || ' says ' || f.key || ' ' || f.value || ', placed was ' || coalesce(p.data ->> f.key, 'none')
       AS detail
FROM events e JOIN events p ON p.stream = e.stream AND p.version = 1
CROSS JOIN LATERAL jsonb_each(e.data) AS f (key, value)
WHERE e.version > 1 AND (:at::timestamptz IS NULL OR e.recorded_at <= :at)
  AND f.key IN ('order_id', 'user_id', 'wallet_id', 'address', 'merchant_id', 'currency', 'total', 'fee_bps', 'items')
  AND f.value <> p.data -> f.key;

-- name: totals_are_of_their_items
-- An order's total is the sum of its items, and so are the payouts to its merchant's wallets.
SELECT p.stream AS subject, p.data ->> 'total' || ', items cost ' || i.due || coalesce(', due are ' || e.due::text, '') AS detail
FROM events p
CROSS JOIN LATERAL (
    SELECT coalesce(sum(w.amount), 0) AS total,
           coalesce(jsonb_object_agg(w.id, w.amount) FILTER (WHERE w.amount > 0), '{}') AS due
    FROM (SELECT i.payout_wallet_id AS id, sum(i.unit_price * i.quantity) AS amount
          FROM jsonb_to_recordset(p.data -> 'items') AS i (payout_wallet_id text, unit_price numeric, quantity numeric)
          GROUP BY i.payout_wallet_id) w
) i
LEFT JOIN LATERAL (
    SELECT e.type, (SELECT coalesce(jsonb_object_agg(d.wallet_id, d.amount), '{}')
                    FROM jsonb_to_recordset(e.data -> 'payouts') AS d (wallet_id text, amount numeric)) AS due
    FROM events e WHERE e.stream = p.stream AND e.type IN ('order.claimed', 'order.matured')
) e ON true
WHERE p.type = 'order.placed' AND (:at::timestamptz IS NULL OR p.recorded_at <= :at)
  AND ((p.data ->> 'total')::numeric <> i.total OR e.due <> i.due);

-- name: orders_have_one_outcome
-- An order ends (fails, is cancelled, expires) at most once, is paid at most once, and never both.
SELECT stream AS subject, string_agg(type, ', ' ORDER BY version) AS detail
FROM events WHERE stream LIKE 'ord%' AND (:at::timestamptz IS NULL OR recorded_at <= :at) GROUP BY stream
HAVING count(*) FILTER (WHERE type IN ('order.failed', 'order.cancelled', 'order.expired')) > 1
    OR bool_or(type = 'order.paid') AND bool_or(type IN ('order.failed', 'order.cancelled', 'order.expired'))
    OR count(*) FILTER (WHERE type = 'order.paid') > 1;

-- name: money_has_one_end
-- The money of a paid order goes back to its buyer or on to its merchant, never both, and once only.
SELECT stream AS subject, string_agg(type, ', ' ORDER BY version) AS detail
FROM events WHERE stream LIKE 'ord%' AND (:at::timestamptz IS NULL OR recorded_at <= :at) GROUP BY stream
HAVING bool_or(type = 'order.refunded') AND bool_or(type IN ('order.claimed', 'order.matured', 'order.refund_refused'))
    OR count(*) FILTER (WHERE type IN ('order.refunded', 'order.refund_refused')) > 1
    OR count(*) FILTER (WHERE type = 'order.refund_requested') > 1
    OR count(*) FILTER (WHERE type = 'order.claimed') > 1
    OR count(*) FILTER (WHERE type = 'order.matured') > 1
    OR count(*) FILTER (WHERE type = 'order.completed') > 1
    OR bool_or(type IN ('order.claimed', 'order.matured', 'order.refund_requested')) AND NOT bool_or(type = 'order.paid');

-- name: nobody_is_forgotten
-- An order in a stage that a sweep handles has a due time; one in any other stage has none.
SELECT id AS subject, stage || ' without a time' AS detail
FROM orders WHERE (due_at IS NULL) <> (stage NOT IN ('pending', 'confirmed', 'refunding', 'promised', 'paid'));

-- name: orders_do_not_wait
-- No order is overdue by an hour: a placed one to be confirmed, a confirmed one to be paid, a refund to be decided, a paid
-- one to mature.
SELECT id AS subject, stage || ' since ' || updated_at AS detail
FROM orders
WHERE stage = 'pending' AND expires_at < :now::timestamptz - interval '1 hour'
   OR stage IN ('confirmed', 'refunding') AND updated_at < :now::timestamptz - interval '1 hour'
   OR due_at < :now::timestamptz - interval '1 hour';
