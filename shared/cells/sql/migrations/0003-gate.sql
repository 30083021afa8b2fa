-- The gate of the cell (shared/cells/gate.py): the standbys whose flushing counts. The keeper writes the row in every database.
-- depends: 0002-keeper

CREATE TABLE gate (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    standby    text    NOT NULL DEFAULT '',
    joining    text    NOT NULL DEFAULT '',
    generation bigint  NOT NULL DEFAULT 0
);
INSERT INTO gate DEFAULT VALUES;

-- The row, the position up to which this server has flushed, and what each connected standby has flushed, in one statement.
-- It shows what its owner may see of others' sessions: nothing more than positions.
CREATE FUNCTION gate_state(
    OUT standby text, OUT joining text, OUT generation bigint, OUT reached bigint, OUT names text[], OUT flushed bigint[]
) LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT g.standby, g.joining, g.generation, (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint,
           coalesce(r.names, '{}'), coalesce(r.flushed, '{}')
    FROM public.gate AS g,
         (SELECT array_agg(application_name) AS names,
                 array_agg(coalesce(flush_lsn - '0/0'::pg_lsn, 0)::bigint) AS flushed
          FROM pg_stat_replication) AS r
$$;

GRANT SELECT, UPDATE ON gate TO keeper;

DO $$
BEGIN
    EXECUTE 'GRANT SELECT ON gate TO ' || quote_ident(replace(current_user, '_owner', ''));
END
$$;
