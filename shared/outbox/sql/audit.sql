-- name: streams_have_no_gaps
-- The versions of a stream count from 1 without gaps.
SELECT stream AS subject, count(*) || ' events up to version ' || max(version) AS detail
FROM events GROUP BY stream HAVING count(*) <> max(version);
