-- name: in_recovery$
-- Whether this server follows another one.
SELECT pg_is_in_recovery();

-- name: promote$
-- Have a standby become a primary; whether it has within so many seconds.
SELECT pg_promote(true, :seconds);

-- name: take_epoch!
-- Put a database under a later epoch, with no time for anybody.
UPDATE lease SET epoch = :epoch, held_until = 0, started = 0 WHERE epoch <= :epoch;

-- name: empty_gate!
-- Let nothing wait for the standbys of the server that this one followed.
UPDATE gate SET standby = '', joining = '', generation = :generation;
