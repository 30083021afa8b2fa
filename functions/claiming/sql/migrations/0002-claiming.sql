-- Claims: at most one an order, whoever opens it.
-- depends: 0001-event-store

CREATE TABLE claims (
    id           text           PRIMARY KEY,
    key          bytea          NOT NULL UNIQUE,  -- the claim as the contract knows it
    order_id     text           NOT NULL UNIQUE,
    user_id      text           NOT NULL,
    address      text           NOT NULL,
    items        jsonb          NOT NULL,
    nonce        numeric(78, 0) NOT NULL,
    status       text           NOT NULL
        CHECK (status IN ('open', 'claimed', 'processing', 'processed', 'failed', 'voided')),
    version      bigint         NOT NULL,
    recipient    text,
    voucher      text,
    deadline     timestamptz,
    opened_at    timestamptz    NOT NULL,
    claimed_at   timestamptz,
    processed_at timestamptz,
    CHECK ((status IN ('open', 'voided')) = (voucher IS NULL))
);
CREATE INDEX claims_by_user ON claims (user_id, id DESC);

-- Receipts as they were given: one for each state of a claim.
CREATE TABLE receipts (
    claim_id text        NOT NULL REFERENCES claims,
    state    text        NOT NULL,
    kid      text        NOT NULL,
    receipt  text        NOT NULL,
    given_at timestamptz NOT NULL,
    PRIMARY KEY (claim_id, state)
);

GRANT SELECT, INSERT, UPDATE ON claims, receipts TO claiming;
