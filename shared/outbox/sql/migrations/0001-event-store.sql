-- The event store of a service's database: facts, what consumers have seen, what waits, and answers to repeat.
-- depends:

-- Facts, appended with the state that they changed. It is the event store of event-sourced aggregates and the outbox
-- of all; `position` orders a batch of the relay and is no cursor (sequences are allocated before commit and skip).
CREATE TABLE events (
    stream       text        NOT NULL,
    version      bigint      NOT NULL CHECK (version > 0),
    position     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    id           text        NOT NULL,
    type         text        NOT NULL,
    data         jsonb       NOT NULL,
    metadata     jsonb       NOT NULL,
    recorded_at  timestamptz NOT NULL,
    published_at timestamptz,
    PRIMARY KEY (stream, version)
);
CREATE INDEX events_unsent ON events (position) WHERE published_at IS NULL;
-- For reading all of it in the order of positions, now and then, at next to no cost for each event.
CREATE INDEX events_by_position ON events USING brin (position) WITH (autosummarize = on, pages_per_range = 32);

-- The last version of each stream that a consumer has applied, and how the next one fares: how often it was tried, how
-- often a defect was in the way, since when it fails, and whether it is parked, so that no delivery tries it again.
CREATE TABLE inbox (
    consumer      text    NOT NULL,
    stream        text    NOT NULL,
    version       bigint  NOT NULL DEFAULT 0,
    attempts      integer NOT NULL DEFAULT 0,
    defects       integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    parked        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (consumer, stream)
);

-- Events that a consumer has received and not applied.
--   gap          one before it has not been applied: it is missing, or parked itself
--   unread       what was delivered in its place could not be decoded: the source has to be asked
--   unavailable  what it needs is not there for the moment: it is tried again by itself
--   failed       it failed too often: it waits for a person
-- retry_at is when the consumer's worker looks after it next; without one, some seconds after it was parked.
CREATE TABLE parked (
    consumer  text        NOT NULL,
    stream    text        NOT NULL,
    version   bigint      NOT NULL,
    reason    text        NOT NULL CHECK (reason IN ('gap', 'unread', 'unavailable', 'failed')),
    error     text,
    event     jsonb       NOT NULL,
    parked_at timestamptz NOT NULL,
    retry_at  timestamptz,
    PRIMARY KEY (consumer, stream, version)
);
CREATE INDEX parked_waiting ON parked (consumer, parked_at) WHERE reason <> 'failed';

-- How far a new consumer has compared its inbox with the store of a source, in positions of the source's outbox; once it
-- has come to the end, deliveries bring all that follows. `asked` counts how often it was to begin again, because the
-- transport has lost what it had taken; a step that began before that does not count.
CREATE TABLE compared (
    consumer text    NOT NULL,
    source   text    NOT NULL,
    position bigint  NOT NULL,
    done     boolean NOT NULL,
    asked    bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, source)
);

-- When the server that is written to was last alive: in a replica's copy, how far that has come.
CREATE TABLE heartbeat (
    one boolean     PRIMARY KEY DEFAULT true CHECK (one),
    at  timestamptz NOT NULL
);
INSERT INTO heartbeat (at) VALUES (clock_timestamp());

-- Requests that carried an idempotency key, and their answers once they are known.
CREATE TABLE idempotency_keys (
    caller           text        NOT NULL,
    operation        text        NOT NULL,
    key              text        NOT NULL,
    fingerprint      text        NOT NULL,
    reference        text,
    request_id       text        NOT NULL,
    lease_expires_at timestamptz,
    status           integer,
    body             text,
    tag              text,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    PRIMARY KEY (caller, operation, key)
);
CREATE UNIQUE INDEX idempotency_keys_reference ON idempotency_keys (reference) WHERE reference IS NOT NULL;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- The service's own role appends and reads; of an event it may change only whether it was published.
DO $$
DECLARE
    service text := quote_ident(replace(current_user, '_owner', ''));
BEGIN
    EXECUTE 'GRANT SELECT, INSERT, UPDATE (published_at) ON events TO ' || service;
    EXECUTE 'GRANT SELECT, UPDATE ON heartbeat TO ' || service;
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON inbox, parked, compared, idempotency_keys TO ' || service;
END
$$;
