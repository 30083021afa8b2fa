-- What the order service's relay measures: the query's name is the metric's, its columns are the labels and `value`.

-- name: meridian_orders
-- Orders, by status.
SELECT status, count(*)::bigint AS value FROM orders GROUP BY status;
