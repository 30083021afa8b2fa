-- What operators see of the supply service in figures.

-- name: stock
-- The units that this cell has of the newest supplies on sale.
SELECT s.id AS supply_id, s.title, t.quantity, t.available, t.reserved, t.sold
FROM supplies s JOIN stock t ON t.supply_id = s.id
WHERE s.status = 'active' ORDER BY right(s.id, 26) DESC, s.id DESC LIMIT 50;
