-- The redemption of claims: what the chain says, what the house tries, and the relayer's transactions.
-- depends: 0002-claiming

-- `due_at` is when the house tries next. `doubted` while the block of the redemption is no longer part of the chain.
ALTER TABLE claims
    ADD COLUMN chain_id         bigint GENERATED ALWAYS AS ((items -> 0 ->> 'chain_id')::bigint) STORED,
    ADD COLUMN transaction_hash text,
    ADD COLUMN block_number     bigint,
    ADD COLUMN block_hash       text,
    ADD COLUMN doubted          boolean     NOT NULL DEFAULT false,
    ADD COLUMN attempts         integer     NOT NULL DEFAULT 0,
    ADD COLUMN failures         integer     NOT NULL DEFAULT 0,
    ADD COLUMN due_at           timestamptz,
    ADD COLUMN failure          text        NOT NULL DEFAULT '',
    ADD CHECK ((status = 'processed') = (transaction_hash IS NOT NULL)),
    ADD CHECK ((status = 'processed') = (processed_at IS NOT NULL));
CREATE INDEX claims_due ON claims (chain_id, due_at) WHERE status IN ('claimed', 'processing');
CREATE INDEX claims_by_block ON claims (chain_id, block_number) WHERE block_number IS NOT NULL;
CREATE INDEX claims_doubted ON claims (chain_id) WHERE doubted;

-- How far each chain was read: the last block, and some before it by which the depth of a reorganisation is found.
CREATE TABLE chain_cursors (
    chain_id bigint PRIMARY KEY,
    number   bigint NOT NULL,
    hash     text   NOT NULL
);
CREATE TABLE chain_checkpoints (
    chain_id bigint NOT NULL,
    number   bigint NOT NULL,
    hash     text   NOT NULL,
    PRIMARY KEY (chain_id, number)
);

-- The relayer's nonces: each is given once, to one call, in the statement that stores what was signed with it.
CREATE TABLE sendings (
    chain_id bigint NOT NULL,
    sender   text   NOT NULL,
    nonce    bigint NOT NULL,
    purpose  text   NOT NULL,
    subject  text   NOT NULL UNIQUE,
    to_      text   NOT NULL,
    data     bytea  NOT NULL,
    gas      bigint NOT NULL,
    status   text   NOT NULL CHECK (status IN ('pending', 'mined', 'failed')),
    PRIMARY KEY (chain_id, sender, nonce)
);
CREATE INDEX sendings_pending ON sendings (chain_id, sender, nonce) WHERE status = 'pending';

-- What was signed, and stored before it was sent: the same bytes are sent again after a crash.
CREATE TABLE signed_transactions (
    hash      text        PRIMARY KEY,
    chain_id  bigint      NOT NULL,
    sender    text        NOT NULL,
    nonce     bigint      NOT NULL,
    raw       bytea       NOT NULL,
    max_fee   numeric     NOT NULL,
    max_tip   numeric     NOT NULL,
    broadcast boolean     NOT NULL DEFAULT false,
    signed_at timestamptz NOT NULL,
    FOREIGN KEY (chain_id, sender, nonce) REFERENCES sendings
);
CREATE INDEX signed_by_nonce ON signed_transactions (chain_id, sender, nonce);

GRANT SELECT, INSERT, UPDATE ON chain_cursors, sendings, signed_transactions TO claiming;
GRANT SELECT, INSERT, UPDATE, DELETE ON chain_checkpoints TO claiming;
