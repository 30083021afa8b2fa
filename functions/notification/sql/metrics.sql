-- What the notification service's relay measures: the query's name is the metric's, its columns are the labels and `value`.

-- name: meridian_deliveries
-- Deliveries that are kept, by status.
SELECT status, count(*)::bigint AS value FROM deliveries GROUP BY status;
