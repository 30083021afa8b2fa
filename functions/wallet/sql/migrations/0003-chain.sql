-- Deposits, withdrawals, and the treasury's transactions.
-- depends: 0002-wallet

-- The deposit addresses that were handed out. `key` is the wallet as the vault knows it.
CREATE TABLE deposit_addresses (
    chain_id   bigint      NOT NULL,
    wallet_id  text        NOT NULL REFERENCES wallets,
    key        bytea       NOT NULL,
    address    text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (chain_id, wallet_id),
    UNIQUE (chain_id, key)
);

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

-- What arrived, each once. `doubted` while the block that it was in is no longer part of the chain.
CREATE TABLE deposits (
    id               text           PRIMARY KEY,
    chain_id         bigint         NOT NULL,
    transaction_hash text           NOT NULL,
    position         bigint         NOT NULL,
    block_number     bigint         NOT NULL,
    block_hash       text           NOT NULL,
    doubted          boolean        NOT NULL DEFAULT false,
    wallet_key       bytea          NOT NULL,
    wallet_id        text           REFERENCES wallets,
    user_id          text           NOT NULL,
    currency         text           NOT NULL,
    amount           numeric(78, 0) NOT NULL CHECK (amount > 0),
    status           text           NOT NULL CHECK (status IN ('credited', 'reversed', 'unattributed')),
    transfer_id      text           NOT NULL,
    version          bigint         NOT NULL,
    updated_at       timestamptz    NOT NULL,
    CONSTRAINT deposits_once UNIQUE (chain_id, transaction_hash, position),
    CHECK (wallet_id IS NOT NULL OR status <> 'credited')
);
CREATE INDEX deposits_by_block ON deposits (chain_id, block_number);
CREATE INDEX deposits_doubted ON deposits (chain_id) WHERE doubted;

CREATE TABLE withdrawals (
    id               text           PRIMARY KEY,
    wallet_id        text           NOT NULL REFERENCES wallets,
    user_id          text           NOT NULL,
    currency         text           NOT NULL,
    amount           numeric(78, 0) NOT NULL CHECK (amount > 0),
    to_address       text           NOT NULL,
    chain_id         bigint         NOT NULL,
    hold_id          text           NOT NULL REFERENCES holds,
    status           text           NOT NULL CHECK (status IN ('requested', 'sent', 'mined', 'failed')),
    transaction_hash text           NOT NULL,
    failure          text           NOT NULL,
    version          bigint         NOT NULL,
    created_at       timestamptz    NOT NULL,
    updated_at       timestamptz    NOT NULL
);
CREATE INDEX withdrawals_waiting ON withdrawals (id) WHERE status = 'requested';

-- The treasury's nonces: each is given once, to one call, in the statement that stores what was signed with it.
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

GRANT SELECT, INSERT ON deposit_addresses TO wallet;
GRANT SELECT, INSERT, UPDATE ON deposits, withdrawals, chain_cursors, sendings, signed_transactions TO wallet;
GRANT SELECT, INSERT, UPDATE, DELETE ON chain_checkpoints TO wallet;
