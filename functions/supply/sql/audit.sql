-- name: stock_adds_up
-- quantity = available + reserved + sold in every cell.
SELECT supply_id || ' ' || cell AS subject, quantity || ' is not ' || available || ' + ' || reserved || ' + ' || sold AS detail
FROM stock WHERE quantity <> available + reserved + sold;

-- name: stock_is_its_reservations
-- What is reserved and sold is what the reservations say.
SELECT t.supply_id || ' ' || t.cell AS subject,
       t.reserved || ' reserved and ' || t.sold || ' sold, reservations say ' || r.reserved || ' and ' || r.sold AS detail
FROM stock t
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity) FILTER (WHERE status = 'reserved'), 0) AS reserved,
           coalesce(sum(quantity) FILTER (WHERE status = 'committed'), 0) AS sold
    FROM reservations WHERE supply_id = t.supply_id AND cell = t.cell
) r
WHERE t.reserved <> r.reserved OR t.sold <> r.sold;

-- name: nothing_is_oversold
-- No more is sold than there is.
SELECT s.id AS subject, sum(r.quantity) || ' sold of ' || s.quantity AS detail
FROM supplies_shown s JOIN reservations r ON r.supply_id = s.id AND r.status = 'committed'
GROUP BY s.id, s.quantity HAVING sum(r.quantity) > s.quantity;

-- name: buyers_keep_to_limits
-- No buyer has more of a supply than its limit.
SELECT r.supply_id || ' ' || r.user_id AS subject, sum(r.quantity) || ' of ' || s.per_user_limit AS detail
FROM reservations r JOIN supplies s ON s.id = r.supply_id
WHERE r.status <> 'released' AND s.per_user_limit IS NOT NULL
GROUP BY r.supply_id, r.user_id, s.per_user_limit HAVING sum(r.quantity) > s.per_user_limit;
