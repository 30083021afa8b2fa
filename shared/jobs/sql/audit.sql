-- name: no_item_fails_for_long
-- No item of a job has failed for an hour, while it is still tried.
SELECT job || ' ' || item AS subject, attempts || ' attempts since ' || first_failed_at || ': ' || detail AS detail
FROM job_failures
WHERE first_failed_at <= coalesce(:at::timestamptz, now()) - interval '1 hour' AND next_try_at >= now() - interval '1 hour';
