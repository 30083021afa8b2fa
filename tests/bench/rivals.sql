-- The ledgers that Meridian's is compared with (ledger.py), in a database of their own.

-- A naive ledger: what a newcomer writes. Its statements are in naive.pgbench.
CREATE TABLE naive_accounts (
    id      bigint  PRIMARY KEY,
    balance numeric NOT NULL CHECK (balance >= 0)
);
CREATE TABLE naive_transfers (
    id         bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    from_id    bigint      NOT NULL REFERENCES naive_accounts,
    to_id      bigint      NOT NULL REFERENCES naive_accounts,
    amount     numeric     NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE naive_entries (
    id            bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id    bigint      NOT NULL REFERENCES naive_accounts,
    transfer_id   bigint      NOT NULL REFERENCES naive_transfers,
    amount        numeric     NOT NULL,
    balance_after numeric     NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON naive_entries (account_id);
CREATE INDEX ON naive_entries (transfer_id);

-- pgledger (https://github.com/pgr0ss/pgledger, pgledger.sql), restated: the same tables, keys, indexes and checks, and a
-- function that does the same in the same order: lock both accounts by id, move both balances and check each, compare the
-- currencies, insert the transfer and two entries, return the transfer from its view. It differs in its favour: ids are
-- the server's UUIDs without the rendering as ULIDs, whose function costs more.
CREATE TABLE pgledger_accounts (
    id                     text        PRIMARY KEY DEFAULT 'pgla_' || uuidv7(),
    name                   text        NOT NULL,
    currency               text        NOT NULL,
    balance                numeric     NOT NULL DEFAULT 0,
    version                bigint      NOT NULL DEFAULT 0,
    allow_negative_balance boolean     NOT NULL,
    allow_positive_balance boolean     NOT NULL,
    metadata               jsonb,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL
);
CREATE TABLE pgledger_transfers (
    id              text        PRIMARY KEY DEFAULT 'pglt_' || uuidv7(),
    from_account_id text        NOT NULL REFERENCES pgledger_accounts,
    to_account_id   text        NOT NULL REFERENCES pgledger_accounts,
    amount          numeric     NOT NULL,
    created_at      timestamptz NOT NULL,
    event_at        timestamptz NOT NULL,
    metadata        jsonb,
    CHECK (amount > 0 AND from_account_id <> to_account_id)
);
CREATE INDEX ON pgledger_transfers (from_account_id);
CREATE INDEX ON pgledger_transfers (to_account_id);
CREATE INDEX ON pgledger_transfers (event_at);
CREATE TABLE pgledger_entries (
    id                       text        PRIMARY KEY DEFAULT 'pgle_' || uuidv7(),
    account_id               text        NOT NULL REFERENCES pgledger_accounts,
    transfer_id              text        NOT NULL REFERENCES pgledger_transfers,
    amount                   numeric     NOT NULL,
    account_previous_balance numeric     NOT NULL,
    account_current_balance  numeric     NOT NULL,
    account_version          bigint      NOT NULL,
    created_at               timestamptz NOT NULL
);
CREATE INDEX ON pgledger_entries (account_id);
CREATE INDEX ON pgledger_entries (transfer_id);
CREATE VIEW pgledger_transfers_view AS
SELECT id, from_account_id, to_account_id, amount, created_at, event_at, metadata FROM pgledger_transfers;

-- An account's own bounds.
CREATE FUNCTION pgledger_check_balance(account pgledger_accounts) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF account.balance < 0 AND NOT account.allow_negative_balance THEN
        RAISE EXCEPTION 'the balance of % would be negative', account.id;
    END IF;
    IF account.balance > 0 AND NOT account.allow_positive_balance THEN
        RAISE EXCEPTION 'the balance of % would be positive', account.id;
    END IF;
END
$$;

CREATE FUNCTION pgledger_create_transfer(payer text, payee text, moved numeric, happened_at timestamptz DEFAULT NULL,
    described jsonb DEFAULT NULL) RETURNS SETOF pgledger_transfers_view LANGUAGE plpgsql AS $$
DECLARE
    each_id text;
    source  pgledger_accounts;
    target  pgledger_accounts;
    made    text;
BEGIN
    FOREACH each_id IN ARRAY ARRAY(SELECT DISTINCT a FROM unnest(ARRAY[payer, payee]) AS a ORDER BY a) LOOP
        PERFORM id FROM pgledger_accounts WHERE id = each_id FOR UPDATE;
    END LOOP;
    IF moved <= 0 THEN
        RAISE EXCEPTION 'an amount is positive, not %', moved;
    END IF;
    IF payer = payee THEN
        RAISE EXCEPTION 'a transfer is between two accounts, not within %', payer;
    END IF;
    UPDATE pgledger_accounts SET balance = balance - moved, version = version + 1, updated_at = now()
    WHERE id = payer RETURNING * INTO source;
    PERFORM pgledger_check_balance(source);
    UPDATE pgledger_accounts SET balance = balance + moved, version = version + 1, updated_at = now()
    WHERE id = payee RETURNING * INTO target;
    PERFORM pgledger_check_balance(target);
    IF source.currency <> target.currency THEN
        RAISE EXCEPTION 'a transfer is in one currency, not in % and %', source.currency, target.currency;
    END IF;
    INSERT INTO pgledger_transfers (from_account_id, to_account_id, amount, created_at, event_at, metadata)
    VALUES (payer, payee, moved, now(), coalesce(happened_at, now()), described) RETURNING id INTO made;
    INSERT INTO pgledger_entries (account_id, transfer_id, amount, account_previous_balance, account_current_balance,
        account_version, created_at)
    VALUES (payer, made, -moved, source.balance + moved, source.balance, source.version, now());
    INSERT INTO pgledger_entries (account_id, transfer_id, amount, account_previous_balance, account_current_balance,
        account_version, created_at)
    VALUES (payee, made, moved, target.balance - moved, target.balance, target.version, now());
    RETURN QUERY SELECT * FROM pgledger_transfers_view v WHERE v.id = made ORDER BY v.id;
END
$$;
