-- Events go to the consumers that handle their types, and the outbox is a queue of its own beside the event store.
-- depends: 0002-reconciliation

-- The outbox: what is to be published yet. Rows are small, inserted by the statement that appends the events and deleted
-- by the relay that leads, so that no event is ever written twice. Vacuumed often, since it is always almost empty.
CREATE TABLE unsent (
    position bigint PRIMARY KEY,
    stream   text   NOT NULL,
    version  bigint NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 5000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_threshold = 1000000
);
INSERT INTO unsent SELECT position, stream, version FROM events WHERE published_at IS NULL;

-- A trigger, so that whatever appends, in SQL or in a function, cannot forget it.
CREATE FUNCTION enqueue_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.unsent (position, stream, version) SELECT a.position, a.stream, a.version FROM appended a;
    RETURN NULL;
END
$$;
CREATE TRIGGER enqueue_events AFTER INSERT ON events
    REFERENCING NEW TABLE AS appended FOR EACH STATEMENT EXECUTE FUNCTION enqueue_events();

DROP INDEX events_unsent;
ALTER TABLE events DROP COLUMN published_at;

-- Which version of its stream the consumer handled before a parked event. So far each event followed the version before.
ALTER TABLE parked ADD COLUMN prior bigint;
UPDATE parked SET prior = version - 1;
ALTER TABLE parked ALTER COLUMN prior SET NOT NULL, ADD CHECK (prior >= 0 AND prior < version);

DO $$
BEGIN
    EXECUTE 'GRANT SELECT, INSERT, DELETE ON unsent TO ' || quote_ident(replace(current_user, '_owner', ''));
END
$$;
