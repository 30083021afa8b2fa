-- name: streams_have_no_gaps
-- The versions of a stream count from 1 without gaps.
SELECT stream AS subject, count(*) || ' events up to version ' || max(version) AS detail
FROM events WHERE :at::timestamptz IS NULL OR recorded_at <= :at
GROUP BY stream HAVING count(*) <> max(version);
