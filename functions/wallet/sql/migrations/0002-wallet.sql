-- Wallets, their balances, the ledger, holds and escrows.
-- depends: 0001-event-store

CREATE TABLE wallets (
    id         text        PRIMARY KEY,
    user_id    text        NOT NULL,
    name       text        NOT NULL,
    address    text        NOT NULL,
    chain_id   bigint      NOT NULL,
    status     text        NOT NULL CHECK (status IN ('open', 'closed')),
    is_default boolean     NOT NULL,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX wallets_default ON wallets (user_id) WHERE is_default;
CREATE INDEX wallets_by_user ON wallets (user_id, id DESC);

-- A wallet's running balance in one currency, in atomic units. System accounts have none.
CREATE TABLE accounts (
    wallet_id text           NOT NULL REFERENCES wallets,
    currency  text           NOT NULL,
    posted    numeric(78, 0) NOT NULL CHECK (posted >= 0),
    held      numeric(78, 0) NOT NULL CHECK (held >= 0),
    version   bigint         NOT NULL,
    PRIMARY KEY (wallet_id, currency),
    CONSTRAINT accounts_covered CHECK (posted >= held)
);

CREATE TABLE transfers (
    id         text        PRIMARY KEY,
    kind       text        NOT NULL,
    reference  text        NOT NULL,
    order_id   text,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX transfers_once_an_order ON transfers (kind, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE entries (
    id            text           PRIMARY KEY,
    transfer_id   text           NOT NULL REFERENCES transfers,
    account       text           NOT NULL,
    currency      text           NOT NULL,
    amount        numeric(78, 0) NOT NULL CHECK (amount <> 0),
    balance_after numeric(78, 0),
    created_at    timestamptz    NOT NULL
);
CREATE INDEX entries_by_account ON entries (account, id DESC);
CREATE INDEX entries_by_transfer ON entries (transfer_id);

-- Double entry, held by the database: the postings of a transfer come in one statement and sum to zero per currency.
CREATE FUNCTION entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added GROUP BY transfer_id, currency HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION 'a transfer does not sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER entries_balance AFTER INSERT ON entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entries_balance();

-- Funds set aside for an order. A row without wallet is a tombstone: released before it was placed, so never placed.
CREATE TABLE holds (
    id         text           PRIMARY KEY,
    order_id   text           NOT NULL,
    wallet_id  text           REFERENCES wallets,
    user_id    text,
    currency   text,
    amount     numeric(78, 0) CHECK (amount > 0),
    expires_at timestamptz,
    status     text           NOT NULL CHECK (status IN ('placed', 'captured', 'released')),
    reason     text,
    firm       boolean        NOT NULL DEFAULT false,
    version    bigint         NOT NULL,
    placed_at  timestamptz    NOT NULL,
    ended_at   timestamptz,
    CHECK (wallet_id IS NOT NULL OR status = 'released')
);
CREATE INDEX holds_by_wallet ON holds (wallet_id) WHERE status = 'placed';
CREATE INDEX holds_expiring ON holds (expires_at) WHERE status = 'placed' AND NOT firm;

-- The money of a paid order until it is settled to the merchant or refunded to the buyer, once.
CREATE TABLE escrows (
    order_id   text           PRIMARY KEY,
    currency   text           NOT NULL,
    amount     numeric(78, 0) NOT NULL CHECK (amount > 0),
    status     text           NOT NULL CHECK (status IN ('captured', 'settled', 'refunded')),
    updated_at timestamptz    NOT NULL
);

-- History is appended to, never changed.
GRANT SELECT, INSERT ON transfers, entries TO wallet;
GRANT SELECT, INSERT, UPDATE ON wallets, accounts, holds, escrows TO wallet;
