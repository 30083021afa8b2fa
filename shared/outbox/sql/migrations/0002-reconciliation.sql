-- Consumers compare themselves with their sources for ever, up to positions that are settled.
-- depends: 0001-event-store

-- Up to here all events of a source that a consumer handles are applied, or noted in `parked`. What was compared by an
-- earlier rule, which did not wait for open transactions, is compared once more.
UPDATE compared SET position = 0;
ALTER TABLE compared DROP COLUMN done, DROP COLUMN asked;

DO $$
BEGIN
    EXECUTE 'GRANT SELECT ON SEQUENCE events_position_seq TO ' || quote_ident(replace(current_user, '_owner', ''));
END
$$;
