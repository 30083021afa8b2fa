-- What no row handles is not published (registry: `kept`).
-- depends: 0007-honoured 0005-kept-types
-- compatible: enqueue_events, because it asks less: what the release that serves relays to nobody no longer waits for its relay

CREATE OR REPLACE TRIGGER enqueue_events AFTER INSERT ON events
    REFERENCING NEW TABLE AS appended FOR EACH STATEMENT EXECUTE FUNCTION enqueue_events('claim.opened');
