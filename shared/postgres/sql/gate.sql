-- name: read_row^
-- The gate row alone.
SELECT standby, joining, generation FROM gate;

-- name: read_gate^
-- The gate row, how far this server has flushed, and how far each connected standby has.
SELECT standby, joining, generation, reached, names, flushed FROM gate_state();

-- name: write_gate!
-- Write the gate row where it still is as it was.
UPDATE gate SET standby = :standby, joining = :joining, generation = :generation
WHERE standby = :was_standby AND joining = :was_joining AND generation = :was_generation;
