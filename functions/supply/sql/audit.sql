-- name: stock_adds_up
-- quantity = available + reserved + sold in every cell.
SELECT supply_id || ' ' || cell AS subject, quantity || ' is not ' || available || ' + ' || reserved || ' + ' || sold AS detail
FROM stock WHERE quantity <> available + reserved + sold;

-- name: stock_is_its_reservations
-- Reserved and sold units equal those of the reservations; released and returned ones are available.
SELECT t.supply_id || ' ' || t.cell AS subject,
       t.reserved || ' reserved and ' || t.sold || ' sold, reservations say ' || r.reserved || ' and ' || r.sold AS detail
FROM stock t
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity) FILTER (WHERE status = 'reserved'), 0) AS reserved,
           coalesce(sum(quantity) FILTER (WHERE status = 'committed'), 0) AS sold
    FROM reservations WHERE supply_id = t.supply_id AND cell = t.cell
) r
WHERE t.reserved <> r.reserved OR t.sold <> r.sold;

-- name: phases_are_their_reservations
-- The units taken in a phase equal those of its reservations.
SELECT supply_id || ' ' || cell || ' ' || phase AS subject,
       coalesce(p.taken, 0) || ' taken, reservations say ' || coalesce(r.taken, 0) AS detail
FROM phase_stock p
FULL JOIN (
    SELECT supply_id, cell, phase, sum(quantity) AS taken FROM reservations
    WHERE phase <> '' AND status IN ('reserved', 'committed') GROUP BY supply_id, cell, phase
) r USING (supply_id, cell, phase)
WHERE coalesce(p.taken, 0) <> coalesce(r.taken, 0);

-- name: nothing_is_oversold
-- No more is sold than there is, in each cell.
SELECT t.supply_id AS subject, sum(r.quantity) || ' sold of ' || t.quantity AS detail
FROM stock t JOIN reservations r ON r.supply_id = t.supply_id AND r.cell = t.cell AND r.status = 'committed'
GROUP BY t.supply_id, t.quantity HAVING sum(r.quantity) > t.quantity;

-- name: quotas_are_what_moved
-- What has moved is the sum of the grants received, less that of those given; elsewhere than at home that is all there is.
SELECT t.supply_id || ' ' || t.cell AS subject,
       t.moved || ' moved, grants say ' || q.units || ', and there are ' || t.quantity AS detail
FROM stock t
CROSS JOIN LATERAL (
    SELECT coalesce(sum(units_received - units_given), 0) AS units FROM quota_streams WHERE supply_id = t.supply_id
) q
WHERE t.moved <> q.units OR split_part(t.supply_id, '_', 2) <> t.cell AND t.quantity <> t.moved;

-- name: rights_are_what_moved
-- The rights in a phase that have moved are the sum of those received, less that of those given.
SELECT supply_id || ' ' || phase AS subject,
       coalesce(p.moved, 0) || ' moved, grants say ' || coalesce(g.units, 0) AS detail
FROM (SELECT supply_id, phase, sum(moved) AS moved FROM phase_stock GROUP BY supply_id, phase) p
FULL JOIN (
    SELECT supply_id, phase, sum(units) AS units FROM (
        SELECT supply_id, key AS phase, value::bigint AS units FROM quota_streams, jsonb_each_text(rights_received)
        UNION ALL SELECT supply_id, key, -value::bigint FROM quota_streams, jsonb_each_text(rights_given)
    ) each GROUP BY supply_id, phase
) g USING (supply_id, phase)
WHERE coalesce(p.moved, 0) <> coalesce(g.units, 0);

-- name: grants_are_events
-- What was given is the sum of the events of its stream.
SELECT q.supply_id || ' ' || q.peer AS subject,
       q.units_given || ' given up to version ' || q.given || ', events say ' || e.units || ' up to ' || e.version AS detail
FROM quota_streams q JOIN stock t ON t.supply_id = q.supply_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum((data ->> 'units')::bigint), 0) AS units, coalesce(max(version), 0) AS version
    FROM events WHERE stream = concat_ws('_', 'quo', t.cell, q.peer, q.supply_id)
) e
WHERE q.given <> e.version OR q.units_given <> e.units;

-- name: grants_are_credited_in_turn
-- What was received of a stream of grants ends where the inbox does.
SELECT q.supply_id || ' ' || q.peer AS subject, 'credited up to ' || q.received || ', applied up to ' || i.version AS detail
FROM quota_streams q JOIN stock t ON t.supply_id = q.supply_id
JOIN inbox i ON i.consumer = 'credit_units' AND i.stream = concat_ws('_', 'quo', q.peer, t.cell, q.supply_id)
WHERE q.received <> i.version;

-- name: buyers_keep_to_limits
-- When a reservation was made, it kept within the limits for its buyer, in total and in its phase, that applied then.
SELECT r.id AS subject,
       r.units || ' of ' || coalesce(r.user_limit::text, 'any') || ', in the phase ' || r.in_phase || ' of '
       || coalesce(r.phase_limit::text, 'any') AS detail
FROM (
    SELECT id, user_limit, phase_limit,
           sum(quantity) OVER (PARTITION BY supply_id, cell, user_id ORDER BY turn) AS units,
           sum(quantity) OVER (PARTITION BY supply_id, cell, user_id, phase ORDER BY turn) AS in_phase
    FROM reservations WHERE status IN ('reserved', 'committed')
) r
WHERE r.units > r.user_limit OR r.in_phase > r.phase_limit;

-- name: phases_keep_to_caps
-- When a reservation was made, the units taken in its phase stayed within the cap that applied then.
SELECT r.id AS subject, r.taken || ' of ' || r.phase_cap || ' in ' || r.phase AS detail
FROM (
    SELECT id, phase, phase_cap,
           sum(quantity) OVER (PARTITION BY supply_id, cell, phase ORDER BY turn) AS taken
    FROM reservations WHERE status IN ('reserved', 'committed')
) r
WHERE r.taken > r.phase_cap;

-- name: archived_supplies_are_at_rest
-- Nothing of an archived supply is reserved.
SELECT s.id AS subject, sum(t.reserved) || ' reserved' AS detail
FROM supplies s JOIN stock t ON t.supply_id = s.id
WHERE s.status = 'archived' GROUP BY s.id HAVING sum(t.reserved) > 0;

-- name: reservations_do_not_wait
-- No expiring reservation is overdue by an hour for the query of its order.
SELECT id AS subject, 'since ' || next_check_at AS detail
FROM reservations WHERE status = 'reserved' AND NOT firm AND next_check_at < :now::timestamptz - interval '1 hour';
