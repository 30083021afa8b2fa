-- What is to be copied to Firestore is a queue of its own, so that a feed's entry is written once.
-- depends: 0005-traced-deliveries
-- compatible: enqueue_activity, because it only inserts into a table of its own, which the release that serves does not know

-- Entries that Firestore does not have in this revision yet. It is read as a whole and almost always empty: without an index.
-- Vacuumed often, as it is inserted into and deleted from all the time.
CREATE TABLE unpublished (
    user_id  text   NOT NULL,
    position bigint NOT NULL,
    revision bigint NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 5000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_threshold = 1000000
);
INSERT INTO unpublished SELECT user_id, position, revision FROM activity WHERE published IS DISTINCT FROM revision;

-- A trigger, so that whoever makes or changes an entry, in this release or the one before it, cannot forget it.
CREATE FUNCTION enqueue_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.unpublished (user_id, position, revision) VALUES (NEW.user_id, NEW.position, NEW.revision);
    RETURN NULL;
END
$$;
CREATE TRIGGER enqueue_activity AFTER INSERT OR UPDATE OF revision ON activity
    FOR EACH ROW EXECUTE FUNCTION enqueue_activity();

DROP INDEX activity_unpublished;
COMMENT ON COLUMN activity.published IS
    'The revision that Firestore has, as earlier releases noted it: no longer written, and to go once none of them serves.';

GRANT SELECT, INSERT, DELETE ON unpublished TO notification;
