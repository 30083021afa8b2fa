-- Orders as lists and look-ups need them: a projection of their events, written in the same transaction.
-- depends: 0001-event-store

CREATE TABLE orders (
    id          text           PRIMARY KEY,
    user_id     text           NOT NULL,
    wallet_id   text           NOT NULL,
    merchant_id text           NOT NULL,
    currency    text           NOT NULL,
    total       numeric(78, 0) NOT NULL CHECK (total >= 0),
    status      text           NOT NULL,
    -- The status, more finely: see domain/order.py.
    stage       text           NOT NULL,
    failure     jsonb,
    items       jsonb          NOT NULL,
    expires_at  timestamptz    NOT NULL,
    paid_at     timestamptz,
    version     bigint         NOT NULL,
    -- When somebody has to look after it, and how often that was tried in vain.
    due_at      timestamptz,
    attempts    integer        NOT NULL DEFAULT 0,
    created_at  timestamptz    NOT NULL,
    updated_at  timestamptz    NOT NULL
);
CREATE INDEX orders_by_user ON orders (user_id, id DESC);
CREATE INDEX orders_by_merchant ON orders (merchant_id, id DESC);
CREATE INDEX orders_due ON orders (stage, due_at) WHERE due_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON orders TO "order";
