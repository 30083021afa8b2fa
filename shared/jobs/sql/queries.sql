-- name: find_failures
-- The failures of items.
SELECT item, attempts, next_try_at FROM job_failures WHERE job = :job AND item = ANY(:items::text[]);

-- name: record_failure!
-- An item failed once more: it is tried again after a pause that doubles each time, up to the longest one. Where the last
-- failure is so long ago that nobody has tried it since, it begins anew.
INSERT INTO job_failures AS f (job, item, attempts, next_try_at, detail, first_failed_at)
VALUES (:job, :item, 1, :now::timestamptz + :first::interval, :detail, :now)
ON CONFLICT (job, item) DO UPDATE SET
    attempts = CASE WHEN f.next_try_at < :forgotten THEN 1 ELSE f.attempts + 1 END,
    first_failed_at = CASE WHEN f.next_try_at < :forgotten THEN excluded.first_failed_at ELSE f.first_failed_at END,
    next_try_at = CASE WHEN f.next_try_at < :forgotten THEN excluded.next_try_at
        ELSE :now::timestamptz + least(:first::interval * pow(2, least(f.attempts, 16)), :longest::interval) END,
    detail = excluded.detail;

-- name: clear_failures!
-- Forget the failures of items that succeeded.
DELETE FROM job_failures WHERE job = :job AND item = ANY(:items::text[]);

-- name: forget_failures!
-- Forget items that were not tried for long: they have ended in another way.
DELETE FROM job_failures WHERE (job, item) IN (
    SELECT job, item FROM job_failures WHERE job = :job AND next_try_at < :forgotten FOR UPDATE SKIP LOCKED);

-- name: count_failures
-- How many items of each job are failing, and for how long the oldest has, in microseconds.
SELECT job, count(*)::bigint AS items,
       greatest(extract(epoch FROM :now::timestamptz - min(first_failed_at)) * 1000000, 0)::bigint AS oldest
FROM job_failures WHERE next_try_at >= :forgotten GROUP BY job ORDER BY job;
