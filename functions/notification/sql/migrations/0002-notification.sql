-- Feeds, webhooks, and what is delivered to them.
-- depends: 0001-event-store

-- How many places of each feed were given here. Its row is locked while one is given, so that there are no gaps.
CREATE TABLE feeds (
    user_id text   PRIMARY KEY,
    last    bigint NOT NULL CHECK (last > 0)
);

-- What users are told, in the order of their feeds; Firestore has a copy for readers everywhere. An item keeps its place
-- when it is made anew; one that turned out not to be for its user has no type, and is not shown.
CREATE TABLE activity (
    user_id   text        NOT NULL,
    position  bigint      NOT NULL CHECK (position > 0),
    stream    text        NOT NULL,
    version   bigint      NOT NULL,
    event_id  text        NOT NULL,
    type      text        NOT NULL,
    data      jsonb       NOT NULL,
    at        timestamptz NOT NULL,
    -- When it was made, in microseconds: of two that were made for one place, the later one counts.
    revision  bigint      NOT NULL,
    -- The revision that Firestore has.
    published bigint,
    PRIMARY KEY (user_id, position),
    UNIQUE (stream, version, user_id)
);
CREATE INDEX activity_unpublished ON activity (user_id, position) WHERE published IS DISTINCT FROM revision;

-- Where users want to be told. Secrets are sealed; the previous one signs too until its time is over.
CREATE TABLE webhooks (
    id              text        PRIMARY KEY,
    user_id         text        NOT NULL,
    url             text        NOT NULL,
    events          text[]      NOT NULL,
    status          text        NOT NULL CHECK (status IN ('enabled', 'disabled')),
    reason          text        NOT NULL DEFAULT '',
    secret          bytea       NOT NULL,
    previous_secret bytea,
    previous_until  timestamptz,
    trusted         boolean     NOT NULL DEFAULT false,
    failures        integer     NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    rests_until     timestamptz,
    disablings      integer     NOT NULL DEFAULT 0,
    listens_since   timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK ((status = 'disabled') = (reason <> ''))
);
CREATE INDEX webhooks_by_user ON webhooks (user_id, id DESC);

-- Events on their way to webhooks: at most one delivery of each. While one is taken, nobody else sends it.
CREATE TABLE deliveries (
    webhook_id      text        NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    id              text        NOT NULL,
    event_id        text        NOT NULL,
    event_type      text        NOT NULL,
    body            text        NOT NULL,
    status          text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts        integer     NOT NULL DEFAULT 0,
    failures        integer     NOT NULL DEFAULT 0,
    due_at          timestamptz,
    taken_until     timestamptz,
    attempted_at    timestamptz,
    response_status integer,
    error           text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (webhook_id, id),
    UNIQUE (webhook_id, event_id),
    CHECK ((status = 'pending') = (due_at IS NOT NULL))
);
CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at) WHERE status = 'pending';
CREATE INDEX deliveries_taken ON deliveries (webhook_id) WHERE taken_until IS NOT NULL;
CREATE INDEX deliveries_old ON deliveries (created_at);

GRANT SELECT, INSERT, UPDATE ON feeds, activity TO notification;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, deliveries TO notification;
