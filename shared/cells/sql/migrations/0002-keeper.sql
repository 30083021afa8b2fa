-- The lease row is written by the cell's keeper alone (shared/cells/keeper.py): a service that could extend its own lease
-- would not be fenced by it. Services read it, for the fence.
-- depends: 0001-lease

GRANT SELECT, UPDATE ON lease TO keeper;

-- The epoch under which this database is served: a session notes it when it begins to work, and commits under it.
CREATE FUNCTION lease_epoch() RETURNS bigint LANGUAGE sql STABLE
    RETURN (SELECT epoch FROM public.lease);

DO $$
BEGIN
    EXECUTE 'REVOKE UPDATE (held_until, started) ON lease FROM '
        || quote_ident(replace(current_user, '_owner', ''));
END
$$;
