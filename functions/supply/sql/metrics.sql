-- What the supply service's relay measures: the query's name is the metric's, its columns are the labels and `value`.

-- name: meridian_stock_units
-- Units of active supplies in this cell, by state.
SELECT u.state, coalesce(sum(u.units), 0)::bigint AS value
FROM stock t JOIN supplies s ON s.id = t.supply_id AND s.status = 'active'
CROSS JOIN LATERAL (VALUES ('available', t.available), ('reserved', t.reserved), ('sold', t.sold)) u (state, units)
GROUP BY u.state;

-- name: meridian_quota_units
-- Units of active supplies that this cell has as its own.
SELECT coalesce(sum(t.quantity), 0)::bigint AS value
FROM stock t JOIN supplies s ON s.id = t.supply_id AND s.status = 'active';
