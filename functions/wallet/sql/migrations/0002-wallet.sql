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

-- A wallet's running balance in one currency, in atomic units. System accounts have none. `version` counts its entries,
-- and the holds placed on it and released, so that it can be told for any past time. Rows leave room on their page:
-- a new version beside the old one needs no new index entry.
CREATE TABLE accounts (
    wallet_id text           NOT NULL REFERENCES wallets,
    currency  text           NOT NULL,
    posted    numeric(78, 0) NOT NULL,
    held      numeric(78, 0) NOT NULL,
    version   bigint         NOT NULL,
    PRIMARY KEY (wallet_id, currency),
    CONSTRAINT accounts_covered CHECK (posted >= held AND held >= 0)
) WITH (fillfactor = 80);

CREATE TABLE transfers (
    id          text        PRIMARY KEY,
    kind        text        NOT NULL,
    reference   text        NOT NULL,
    order_id    text,
    created_at  timestamptz NOT NULL,
    -- Which transactions are behind the horizon, and so complete: the sealer's batches.
    transaction xid8        NOT NULL DEFAULT pg_current_xact_id()
);
CREATE UNIQUE INDEX transfers_once_an_order ON transfers (kind, order_id) WHERE order_id IS NOT NULL;
CREATE UNIQUE INDEX transfers_reversed_once ON transfers (reference) WHERE kind = 'reversal';
CREATE INDEX transfers_by_transaction ON transfers (transaction);

-- The lines of the ledger. `position` is their order: it is drawn while the account is locked.
CREATE TABLE entries (
    account       text           NOT NULL,
    position      bigint         NOT NULL GENERATED ALWAYS AS IDENTITY,
    transfer_id   text           NOT NULL,
    currency      text           NOT NULL,
    amount        numeric(78, 0) NOT NULL,
    balance_after numeric(78, 0),
    created_at    timestamptz    NOT NULL,
    PRIMARY KEY (account, position)
);
CREATE INDEX entries_by_transfer ON entries (transfer_id);

-- Movements of money, all or none: transfers, their entries, the running balances of the wallets in them, and the facts
-- that tell of them, in one round trip. Its statements are planned once a session.
--
-- It runs with its owner's rights and is the only way to move money: the service's own role may insert no transfer and
-- no entry, nor change what is posted on an account. So double entry is held by the database: the postings of a
-- transfer are of something, and sum to zero per currency. (Its tables are named in full: a temporary one of the same
-- name would come first.)
--
-- A leg is a posting: the place of its transfer among transfer_ids, its account, and what it changes there. Legs come
-- sorted by account and currency, so that movements at once lock accounts in one order; an account's own legs are in
-- the order of their transfers. What counts is the effect of all legs on an account: what one transfer brings, a later
-- one may take. What is refused raises ME001 with the refusal's code.
CREATE FUNCTION post_transfers(transfer_ids text[], kinds text[], references_ text[], order_ids text[], at timestamptz,
    place_of integer[], accounts_ text[], currencies text[], amounts numeric[], unholds numeric[], event_ids text[],
    facts jsonb[], metadata_ jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    legs     CONSTANT integer := cardinality(amounts);
    balances numeric[] := array_fill(NULL::numeric, ARRAY[legs]);
    leg      integer := 1;
    last     integer;
    change   numeric;
    unheld   numeric;
    balance  numeric;
    total    numeric := 0;
BEGIN
    -- First: what was done before is that, and not uncovered.
    INSERT INTO public.transfers (id, kind, reference, order_id, created_at)
    SELECT t.id, t.kind, t.reference, t.order_id, at
    FROM unnest(transfer_ids, kinds, references_, order_ids) AS t (id, kind, reference, order_id);
    WHILE leg <= legs LOOP
        last := leg;
        change := amounts[leg];
        unheld := unholds[leg];
        WHILE last < legs AND accounts_[last + 1] = accounts_[leg] AND currencies[last + 1] = currencies[leg] LOOP
            last := last + 1;
            change := change + amounts[last];
            unheld := unheld + unholds[last];
        END LOOP;
        total := total + change;
        IF starts_with(accounts_[leg], 'wal_') THEN  -- the house's own accounts keep no balance
            UPDATE public.accounts SET posted = posted + change, held = held - unheld, version = version + (last - leg + 1)
            WHERE wallet_id = accounts_[leg] AND currency = currencies[leg] AND posted + change >= held - unheld
            RETURNING posted INTO balance;
            IF NOT FOUND THEN
                IF change < 0 OR unheld <> 0 THEN
                    RAISE EXCEPTION 'INSUFFICIENT_FUNDS' USING ERRCODE = 'ME001';
                END IF;
                INSERT INTO public.accounts AS a (wallet_id, currency, posted, held, version)
                VALUES (accounts_[leg], currencies[leg], change, 0, last - leg + 1)
                ON CONFLICT (wallet_id, currency)
                DO UPDATE SET posted = a.posted + change, version = a.version + excluded.version
                RETURNING posted INTO balance;
            END IF;
            IF balance > 115792089237316195423570985008687907853269984665640564039457584007913129639935 THEN
                RAISE EXCEPTION 'BALANCE_OVERFLOW' USING ERRCODE = 'ME001';  -- 2^256, which no chain can hold
            END IF;
            FOR each IN REVERSE last .. leg LOOP
                IF balance < 0 THEN  -- on the way, before another leg brings it
                    RAISE EXCEPTION 'INSUFFICIENT_FUNDS' USING ERRCODE = 'ME001';
                END IF;
                balances[each] := balance;
                balance := balance - amounts[each];
            END LOOP;
        END IF;
        leg := last + 1;
    END LOOP;
    IF cardinality(transfer_ids) > 1 OR NOT currencies[1] = ALL (currencies) THEN
        SELECT max(abs(sums.amount)) INTO total FROM (
            SELECT sum(l.amount) AS amount FROM unnest(place_of, currencies, amounts) AS l (place, currency, amount)
            GROUP BY l.place, l.currency) sums;
    END IF;
    IF total <> 0 OR 0 = ANY (amounts) OR legs < 2 THEN
        RAISE EXCEPTION 'a transfer does not sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO public.entries (transfer_id, account, currency, amount, balance_after, created_at)
    SELECT transfer_ids[e.place], e.account, e.currency, e.amount, e.balance, at
    FROM unnest(place_of, accounts_, currencies, amounts, balances) AS e (place, account, currency, amount, balance);
    INSERT INTO public.events (stream, version, id, type, data, metadata, recorded_at)
    SELECT f.stream, 1, f.id, 'transfer.posted', f.data, metadata_, at
    FROM unnest(transfer_ids, event_ids, facts) AS f (stream, id, data);
END
$$;

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
    -- When its order is to be asked about, and how often that came to nothing.
    next_check_at timestamptz,
    checks        integer     NOT NULL DEFAULT 0,
    CHECK (wallet_id IS NOT NULL OR status = 'released'),
    CHECK ((captured IS NOT NULL) = (status = 'captured'))
);
CREATE INDEX holds_by_wallet ON holds (wallet_id, status);
CREATE INDEX holds_expiring ON holds (next_check_at) WHERE status = 'placed' AND NOT firm;

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
    SELECT count(*), coalesce(string_agg(concat_ws('|', e.position, e.transfer_id, e.account, e.currency, e.amount,
        e.balance_after, extract(epoch FROM e.created_at), t.kind, t.reference, t.order_id), E'\n' ORDER BY e.position), '')
    FROM transfers t JOIN entries e ON e.transfer_id = t.id
    WHERE t.transaction >= sealed_batch.from_transaction AND t.transaction < sealed_batch.to_transaction
$$;

-- History is appended to, never changed.
REVOKE ALL ON FUNCTION post_transfers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION post_transfers TO wallet;
GRANT SELECT ON transfers, entries TO wallet;
GRANT SELECT, INSERT ON seals TO wallet;
GRANT SELECT, UPDATE (held, version) ON accounts TO wallet;
GRANT SELECT, INSERT, UPDATE ON wallets, holds, escrows TO wallet;
