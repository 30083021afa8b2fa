-- Transfers that are posted at once may be of several requests: the fact of each carries the trace of its own.
-- depends: 0014-kept-events

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
--
-- Nothing is credited to a closed wallet; what is in one already may be taken out. metadata_: of each transfer's fact.
CREATE FUNCTION post_transfers(transfer_ids text[], kinds text[], references_ text[], order_ids text[],
    at timestamptz, place_of integer[], accounts_ text[], currencies text[], amounts numeric[], unholds numeric[],
    event_ids text[], facts jsonb[], metadata_ jsonb[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    legs    CONSTANT integer := cardinality(amounts);
    leg     integer := 1;
    last    integer;
    change  numeric;
    unheld  numeric;
    balance numeric;
    total   numeric := 0;
    lowest  numeric;
    have    numeric;
    since   xid8;
BEGIN
    -- First: what was done before is that, and not uncovered.
    FOR place IN 1 .. cardinality(transfer_ids) LOOP
        INSERT INTO public.transfers (id, kind, reference, order_id, created_at)
        VALUES (transfer_ids[place], kinds[place], references_[place], order_ids[place], at);
        INSERT INTO public.events (stream, version, id, type, data, metadata, recorded_at)
        VALUES (transfer_ids[place], 1, event_ids[place], 'transfer.posted', facts[place], metadata_[place], at);
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
                -- No account is there to be locked yet, so the wallet's row is.
                PERFORM FROM public.wallets WHERE id = accounts_[leg] FOR SHARE;
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
            IF 0 < ANY (amounts[leg:last]) THEN
                -- Whoever closes a wallet holds its accounts and its row, so that what is read now stays so.
                PERFORM FROM public.wallets WHERE id = accounts_[leg] AND status = 'closed';
                IF FOUND THEN
                    RAISE EXCEPTION 'WALLET_CLOSED' USING ERRCODE = 'ME001';
                END IF;
            END IF;
        ELSIF accounts_[leg] IN ('fees', 'losses') THEN
            -- Who takes from them waits for others who take, and sums; who gives never waits.
            lowest := 0;
            have := 0;
            FOR each IN leg .. last LOOP
                have := have + amounts[each];
                lowest := least(lowest, have);
            END LOOP;
            IF lowest < 0 THEN
                PERFORM pg_advisory_xact_lock(hashtext(accounts_[leg]), hashtext(currencies[leg]));
            END IF;
            -- What the chain has taken back is the house's loss, however much that is: a deposit that is no more.
            IF lowest < 0 AND NOT (accounts_[leg] = 'losses' AND 'external' = ANY (accounts_)) THEN
                SELECT r.up_to, coalesce(b.balance, 0) INTO since, have FROM public.roll_ups r
                LEFT JOIN public.house_balances b ON b.account = accounts_[leg] AND b.currency = currencies[leg];
                SELECT have + coalesce(sum(e.amount), 0) INTO have
                FROM public.transfers t JOIN public.entries e ON e.transfer_id = t.id
                WHERE t.transaction >= since AND e.account = accounts_[leg] AND e.currency = currencies[leg];
                IF have + lowest < 0 THEN
                    RAISE EXCEPTION 'INSUFFICIENT_FUNDS' USING ERRCODE = 'ME001';
                END IF;
            END IF;
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

REVOKE ALL ON FUNCTION post_transfers(text[], text[], text[], text[], timestamptz, integer[], text[], text[], numeric[], numeric[], text[],
    jsonb[], jsonb[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION post_transfers(text[], text[], text[], text[], timestamptz, integer[], text[], text[], numeric[], numeric[], text[],
    jsonb[], jsonb[]) TO wallet;

-- As the release that serves calls it, which posts what is of one request: the same, with one trace for all.
CREATE OR REPLACE FUNCTION post_transfers(transfer_ids text[], kinds text[], references_ text[], order_ids text[],
    at timestamptz, place_of integer[], accounts_ text[], currencies text[], amounts numeric[], unholds numeric[],
    event_ids text[], facts jsonb[], metadata_ jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM public.post_transfers(transfer_ids, kinds, references_, order_ids, at, place_of, accounts_, currencies, amounts,
        unholds, event_ids, facts, array_fill(metadata_, ARRAY[cardinality(transfer_ids)]));
END
$$;
