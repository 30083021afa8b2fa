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
CREATE UNIQUE INDEX transfers_reversed_once ON transfers (reference) WHERE kind = 'reversal';

CREATE TABLE entries (
    id            text           PRIMARY KEY,
    transfer_id   text           NOT NULL REFERENCES transfers,
    account       text           NOT NULL,
    currency      text           NOT NULL,
    amount        numeric(78, 0) NOT NULL CHECK (amount <> 0),
    balance_after numeric(78, 0),
    created_at    timestamptz    NOT NULL,
    -- The order of a ledger: ids are drawn before the account is locked, positions while it is.
    position      bigint         NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- Which transactions are behind the horizon, and so complete: the sealer's batches.
    transaction   xid8           NOT NULL DEFAULT pg_current_xact_id()
);
CREATE UNIQUE INDEX entries_by_account ON entries (account, position DESC);
CREATE INDEX entries_by_transaction ON entries (transaction);
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
    captured   numeric(78, 0) CHECK (captured > 0 AND captured <= amount),
    expires_at timestamptz,
    status     text           NOT NULL CHECK (status IN ('placed', 'captured', 'released')),
    reason     text,
    firm       boolean        NOT NULL DEFAULT false,
    version    bigint         NOT NULL,
    placed_at  timestamptz    NOT NULL,
    ended_at   timestamptz,
    CHECK (wallet_id IS NOT NULL OR status = 'released'),
    CHECK ((captured IS NOT NULL) = (status = 'captured'))
);
CREATE INDEX holds_by_wallet ON holds (wallet_id, status);
CREATE INDEX holds_expiring ON holds (expires_at) WHERE status = 'placed' AND NOT firm;

-- The money of a paid order until it is settled to the merchant or refunded to the buyer, once.
CREATE TABLE escrows (
    order_id   text           PRIMARY KEY,
    currency   text           NOT NULL,
    amount     numeric(78, 0) NOT NULL CHECK (amount > 0),
    status     text           NOT NULL CHECK (status IN ('captured', 'settled', 'refunded')),
    updated_at timestamptz    NOT NULL
);

-- A chain of hashes over the entries of transactions that are complete: tampering with history shows, and no sale waits.
CREATE TABLE seals (
    number           bigint      PRIMARY KEY,
    from_transaction xid8        NOT NULL,
    to_transaction   xid8        NOT NULL,
    entries          bigint      NOT NULL,
    hash             bytea       NOT NULL,
    sealed_at        timestamptz NOT NULL
);

-- What a seal covers: the number and the text of the entries of a range of transactions, their transfers included.
CREATE FUNCTION sealed_batch(from_transaction xid8, to_transaction xid8, OUT entries bigint, OUT content text)
LANGUAGE sql STABLE AS $$
    SELECT count(*), coalesce(string_agg(concat_ws('|', e.position, e.id, e.transfer_id, e.account, e.currency, e.amount,
        e.balance_after, extract(epoch FROM e.created_at), t.kind, t.reference, t.order_id), E'\n' ORDER BY e.position), '')
    FROM entries e JOIN transfers t ON t.id = e.transfer_id
    WHERE e.transaction >= sealed_batch.from_transaction AND e.transaction < sealed_batch.to_transaction
$$;

-- History is appended to, never changed.
GRANT SELECT, INSERT ON transfers, entries, seals TO wallet;
GRANT SELECT, INSERT, UPDATE ON wallets, accounts, holds, escrows TO wallet;
