-- Movements of money by single rows instead of sets: most are of one transfer with two legs, for which a plan over
-- arrays costs more than the rows that it writes.
-- depends: 0003-chain

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
CREATE OR REPLACE FUNCTION post_transfers(transfer_ids text[], kinds text[], references_ text[], order_ids text[],
    at timestamptz, place_of integer[], accounts_ text[], currencies text[], amounts numeric[], unholds numeric[],
    event_ids text[], facts jsonb[], metadata_ jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    legs    CONSTANT integer := cardinality(amounts);
    leg     integer := 1;
    last    integer;
    change  numeric;
    unheld  numeric;
    balance numeric;
    total   numeric := 0;
BEGIN
    -- First: what was done before is that, and not uncovered.
    FOR place IN 1 .. cardinality(transfer_ids) LOOP
        INSERT INTO public.transfers (id, kind, reference, order_id, created_at)
        VALUES (transfer_ids[place], kinds[place], references_[place], order_ids[place], at);
        INSERT INTO public.events (stream, version, id, type, data, metadata, recorded_at)
        VALUES (transfer_ids[place], 1, event_ids[place], 'transfer.posted', facts[place], metadata_, at);
    END LOOP;
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
        balance := NULL;
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
            balance := balance - change;
        END IF;
        FOR each IN leg .. last LOOP
            balance := balance + amounts[each];
            IF balance < 0 THEN  -- on the way, before another leg brings it
                RAISE EXCEPTION 'INSUFFICIENT_FUNDS' USING ERRCODE = 'ME001';
            END IF;
            INSERT INTO public.entries (transfer_id, account, currency, amount, balance_after, created_at)
            VALUES (transfer_ids[place_of[each]], accounts_[each], currencies[each], amounts[each], balance, at);
        END LOOP;
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
END
$$;
