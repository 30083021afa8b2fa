-- What the claiming service's relay measures: the query's name is the metric's, its columns are the labels and `value`.

-- name: meridian_claims
-- Claims, by status.
SELECT status, count(*)::bigint AS value FROM claims GROUP BY status;
