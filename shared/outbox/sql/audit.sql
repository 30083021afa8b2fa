-- name: streams_have_no_gaps
-- The versions of a stream count from 1 without gaps.
SELECT stream AS subject, count(*) || ' events up to version ' || max(version) AS detail
FROM events WHERE :at::timestamptz IS NULL OR recorded_at <= :at
GROUP BY stream HAVING count(*) <> max(version);

-- name: no_event_failed_for_good
-- No event waits for a person because its effect failed too often.
SELECT consumer || ' ' || stream AS subject, 'version ' || version || ': ' || coalesce(error, '') AS detail
FROM parked WHERE reason = 'failed' AND (:at::timestamptz IS NULL OR parked_at <= :at);

-- name: no_event_waits_for_long
-- No event waits for more than five minutes for one before it, or for what its effect needs.
SELECT consumer || ' ' || stream AS subject, 'version ' || version || ', ' || reason || ' since ' || parked_at AS detail
FROM parked
WHERE reason <> 'failed' AND parked_at <= coalesce(:at::timestamptz, now()) - interval '5 minutes';
