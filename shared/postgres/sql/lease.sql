-- name: read_clock^
-- This server's clock, and when it had started, in microseconds since 1970.
SELECT server_clock() AS clock, server_started() AS started;

-- name: write_lease!
-- Extend or end the lease of an epoch. A lost row only fences, so nobody waits for its flush or for a standby.
WITH lightly AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE lease SET held_until = :held_until, started = :started FROM lightly WHERE epoch = :epoch;
