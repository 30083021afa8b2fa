-- name: write_heartbeat!
-- Store the current time for replicas. Losing a heartbeat in a crash does no harm.
WITH lightly AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE heartbeat SET at = clock_timestamp() FROM lightly;

-- name: read_lag$
-- The replica's lag, in microseconds: at most the age of the last heartbeat that has arrived.
SELECT greatest(extract(epoch FROM clock_timestamp() - at) * 1000000, 0)::bigint FROM heartbeat;
