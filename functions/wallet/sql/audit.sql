-- name: transfers_sum_to_zero
-- The postings of a transfer sum to zero per currency.
SELECT transfer_id AS subject, sum(amount) || ' ' || currency AS detail
FROM entries WHERE :at::timestamptz IS NULL OR created_at <= :at
GROUP BY transfer_id, currency HAVING sum(amount) <> 0;

-- name: transfers_have_two_postings
-- A transfer has at least two postings.
SELECT t.id AS subject, count(e.position) || ' postings' AS detail
FROM transfers t LEFT JOIN entries e ON e.transfer_id = t.id
WHERE :at::timestamptz IS NULL OR t.created_at <= :at
GROUP BY t.id HAVING count(e.position) < 2;

-- name: money_sums_to_zero
-- All accounts of a currency sum to zero: no money is created or lost.
SELECT currency AS subject, sum(amount)::text AS detail
FROM entries WHERE :at::timestamptz IS NULL OR created_at <= :at
GROUP BY currency HAVING sum(amount) <> 0;

-- name: balances_never_were_negative
-- No entry left a wallet below zero.
SELECT account AS subject, balance_after || ' ' || currency || ' after entry ' || position AS detail
FROM entries WHERE balance_after < 0 AND (:at::timestamptz IS NULL OR created_at <= :at);

-- name: balances_follow_each_other
-- Each entry's balance is the previous balance plus its amount.
SELECT account AS subject, 'entry ' || position || ': ' || balance_after || ' is not ' || before || ' + ' || amount AS detail
FROM (SELECT *, lag(balance_after, 1, 0::numeric) OVER (PARTITION BY account, currency ORDER BY position) AS before
      FROM entries WHERE balance_after IS NOT NULL AND (:at::timestamptz IS NULL OR created_at <= :at)) e
WHERE balance_after <> before + amount;

-- name: holds_were_covered
-- The held amount of a wallet never exceeded its balance.
SELECT h.wallet_id AS subject, sum(h.amount) || ' ' || h.currency || ' held' AS detail
FROM holds h
WHERE h.wallet_id IS NOT NULL AND h.placed_at <= coalesce(:at::timestamptz, 'infinity')
  AND (h.ended_at IS NULL OR h.ended_at > coalesce(:at::timestamptz, 'infinity'))
GROUP BY h.wallet_id, h.currency
HAVING sum(h.amount) > (SELECT coalesce(sum(e.amount), 0) FROM entries e WHERE e.account = h.wallet_id
    AND e.currency = h.currency AND e.created_at <= coalesce(:at::timestamptz, 'infinity'));

-- name: holds_end_once
-- A hold is captured or released at most once.
SELECT stream AS subject, string_agg(type, ', ' ORDER BY version) AS detail
FROM events WHERE type IN ('hold.captured', 'hold.released') AND (:at::timestamptz IS NULL OR recorded_at <= :at)
GROUP BY stream HAVING count(*) > 1;

-- name: seals_hold
-- The chain of seals is unbroken, and the sealed transfers and entries are unchanged.
SELECT 'seal ' || s.number AS subject, b.entries || ' entries now, ' || s.entries || ' when it was made' AS detail
FROM (SELECT *, row_number() OVER w AS place, lag(hash, 1, ''::bytea) OVER w AS before,
             lag(to_transaction, 1, '0'::xid8) OVER w AS expected
      FROM seals WINDOW w AS (ORDER BY number)) s,
     sealed(s.format, s.number, s.before, s.from_transaction, s.to_transaction, s.sealed_at) b
WHERE (:at::timestamptz IS NULL OR s.sealed_at <= :at)
  AND (s.number <> s.place OR s.from_transaction <> s.expected OR s.entries <> b.entries
       OR s.hash IS DISTINCT FROM b.hash);

-- name: balances_are_their_entries
-- A wallet's running balance is the sum of its entries.
SELECT a.wallet_id AS subject, a.posted || ' ' || a.currency || ', entries say ' || coalesce(sum(e.amount), 0) AS detail
FROM accounts a LEFT JOIN entries e ON e.account = a.wallet_id AND e.currency = a.currency
GROUP BY a.wallet_id, a.currency, a.posted HAVING a.posted <> coalesce(sum(e.amount), 0);

-- name: held_is_the_sum_of_holds
-- A wallet's held amount is the sum of its placed holds.
SELECT a.wallet_id AS subject, a.held || ' ' || a.currency || ', holds say ' || coalesce(sum(h.amount), 0) AS detail
FROM accounts a LEFT JOIN holds h ON h.wallet_id = a.wallet_id AND h.currency = a.currency AND h.status = 'placed'
GROUP BY a.wallet_id, a.currency, a.held HAVING a.held <> coalesce(sum(h.amount), 0);

-- name: versions_count_changes
-- An account's version is the number of its entries plus those of its placed and released holds.
SELECT a.wallet_id AS subject, a.currency || ' at version ' || a.version AS detail
FROM accounts a
WHERE a.version <> (SELECT count(*) FROM entries e WHERE e.account = a.wallet_id AND e.currency = a.currency)
    + (SELECT count(*) + count(*) FILTER (WHERE status = 'released') FROM holds h
       WHERE h.wallet_id = a.wallet_id AND h.currency = a.currency);

-- name: captures_are_escrowed
-- Each captured hold has an escrow and a transfer, and no other hold has.
SELECT coalesce(h.order_id, e.order_id) AS subject, 'hold ' || coalesce(h.id, 'missing') || ', escrow ' ||
       coalesce(e.status, 'missing') || ', transfer ' || coalesce(t.id, 'missing') AS detail
FROM (SELECT * FROM holds WHERE status = 'captured' AND order_id <> '') h
FULL JOIN escrows e ON e.order_id = h.order_id
FULL JOIN (SELECT * FROM transfers WHERE kind = 'capture') t ON t.order_id = coalesce(h.order_id, e.order_id)
WHERE h.id IS NULL OR e.order_id IS NULL OR t.id IS NULL OR e.amount <> h.captured;

-- name: escrow_is_what_is_unsettled
-- The escrow account equals the sum of the escrows that are neither settled nor refunded, per currency.
SELECT 'escrow' AS subject, l.total || ' ' || l.currency || ', escrows say ' || coalesce(e.total, 0) AS detail
FROM (SELECT currency, sum(amount) AS total FROM entries WHERE account = 'escrow' GROUP BY currency) l
LEFT JOIN (SELECT currency, sum(amount) AS total FROM escrows WHERE status = 'captured' GROUP BY currency) e
    ON e.currency = l.currency
WHERE l.total <> coalesce(e.total, 0);

-- name: refunds_go_back_where_they_came_from
-- A refunded escrow has a transfer of the same amount to the wallet that paid; no other escrow has one.
SELECT coalesce(e.order_id, t.order_id) AS subject, 'escrow ' || coalesce(e.amount::text, 'missing') || ', refunded ' ||
       coalesce(t.amount || ' to ' || t.account, 'nothing') AS detail
FROM (SELECT * FROM escrows WHERE status = 'refunded') e
FULL JOIN (SELECT r.order_id, n.account, n.amount FROM transfers r
           JOIN entries n ON n.transfer_id = r.id AND n.account <> 'escrow' WHERE r.kind = 'refund') t
    ON t.order_id = e.order_id
WHERE e.order_id IS NULL OR t.order_id IS NULL OR t.amount <> e.amount
   OR NOT EXISTS (SELECT FROM holds h JOIN wallets paid ON paid.id = h.wallet_id
                  JOIN wallets w ON w.user_id = paid.user_id AND (w.id = paid.id OR paid.status = 'closed' AND w.is_default)
                  WHERE h.order_id = e.order_id AND h.status = 'captured' AND w.id = t.account);

-- name: closed_wallets_are_empty
-- A wallet is empty when it closes, and is not credited afterwards; a default wallet never closes.
SELECT w.id AS subject, coalesce(a.posted || ' ' || a.currency || ', ' || a.held || ' held', 'the default one') AS detail
FROM wallets w LEFT JOIN accounts a ON a.wallet_id = w.id AND (a.posted <> 0 OR a.held <> 0)
WHERE w.status = 'closed' AND (a.wallet_id IS NOT NULL OR w.is_default);

-- name: house_accounts_keep_their_floors
-- Fees, losses and escrow never went below their floors; only reversed deposits may take losses below zero.
SELECT b.account AS subject, b.balance || ' ' || b.currency || ' after ' || b.transfer_id AS detail
FROM (SELECT *, sum(amount) OVER (PARTITION BY account, currency ORDER BY position) AS balance
      FROM entries WHERE account IN ('fees', 'losses', 'escrow')) b
WHERE b.amount < 0 AND b.balance < 0 AND (:at::timestamptz IS NULL OR b.created_at <= :at)
  AND NOT (b.account = 'losses'
           AND EXISTS (SELECT FROM entries e WHERE e.transfer_id = b.transfer_id AND e.account = 'external'));

-- name: the_faucet_only_gives
-- The faucet account is never above zero: it takes back no more than it has issued.
SELECT account AS subject, sum(amount) || ' ' || currency AS detail
FROM entries WHERE account = 'faucet' AND (:at::timestamptz IS NULL OR created_at <= :at)
GROUP BY account, currency HAVING sum(amount) > 0;

-- name: roll_ups_are_their_entries
-- The rolled-up balance of a system account is the sum of its entries up to that transaction.
SELECT coalesce(b.account, e.account) AS subject,
       coalesce(b.balance, 0) || ' ' || coalesce(b.currency, e.currency) || ', entries say ' || coalesce(e.balance, 0) AS detail
FROM house_balances b
FULL JOIN (SELECT n.account, n.currency, sum(n.amount) AS balance
           FROM roll_ups r JOIN transfers t ON t.transaction < r.up_to JOIN entries n ON n.transfer_id = t.id
           WHERE NOT starts_with(n.account, 'wal_') GROUP BY n.account, n.currency) e USING (account, currency)
WHERE coalesce(b.balance, 0) <> coalesce(e.balance, 0);

-- name: transit_is_what_was_sent_and_received
-- The account for another cell has what was sent there, less what was received from there and credited.
SELECT account AS subject, sum(ledger) || ' ' || currency || ' by the ledger, ' || sum(known) || ' by the movements' AS detail
FROM (SELECT account, currency, amount AS ledger, 0 AS known FROM entries
      WHERE starts_with(account, 'transit:') AND (:at::timestamptz IS NULL OR created_at <= :at)
      UNION ALL SELECT 'transit:' || (data ->> 'receiver'), data ->> 'currency', 0, (data ->> 'amount')::numeric
      FROM events WHERE type = 'transit.sent' AND (:at::timestamptz IS NULL OR recorded_at <= :at)
      UNION ALL SELECT 'transit:' || giver, currency, 0, -amount FROM transit_arrivals
      WHERE status = 'credited' AND (:at::timestamptz IS NULL OR credited_at <= :at)) m
GROUP BY account, currency HAVING sum(ledger) <> sum(known);

-- name: transit_has_its_transfers
-- Each movement between cells was posted by one transfer, of the same amount.
SELECT m.transfer_id AS subject, m.amount || ' ' || m.currency || ' ' || m.place AS detail
FROM (SELECT data ->> 'transfer_id' AS transfer_id, data ->> 'currency' AS currency, (data ->> 'amount')::numeric AS amount,
             'transit:' || (data ->> 'receiver') AS account, data ->> 'kind' AS kind, stream || ' ' || version AS place,
             recorded_at AS made_at
      FROM events WHERE type = 'transit.sent'
      UNION ALL SELECT credited_transfer, currency, -amount, 'transit:' || giver, kind, giver || ' ' || version, credited_at
      FROM transit_arrivals WHERE status = 'credited') m
WHERE (:at::timestamptz IS NULL OR m.made_at <= :at) AND NOT EXISTS (
    SELECT FROM transfers t JOIN entries e ON e.transfer_id = t.id WHERE t.id = m.transfer_id AND t.kind = m.kind
    AND e.account = m.account AND e.currency = m.currency AND e.amount = m.amount);

-- name: arrivals_have_no_gaps
-- What has arrived from another cell is everything up to a version, and the inbox says the same.
SELECT a.giver AS subject, a.count || ' up to version ' || a.version || ', inbox at ' || coalesce(i.version::text, 'none')
       AS detail
FROM (SELECT giver, count(*) AS count, max(version) AS version FROM transit_arrivals GROUP BY giver) a
LEFT JOIN inbox i ON i.consumer = 'receive_transit' AND starts_with(i.stream, 'trn_' || a.giver || '_')
WHERE a.count <> a.version OR i.version IS DISTINCT FROM a.version;

-- name: outside_moves_are_known
-- The external account is moved by deposits, withdrawals and the reversals of deposits only.
SELECT e.transfer_id AS subject, e.amount || ' ' || e.currency || ' by a ' || t.kind AS detail
FROM entries e JOIN transfers t ON t.id = e.transfer_id
WHERE e.account = 'external' AND (:at::timestamptz IS NULL OR e.created_at <= :at)
  AND NOT EXISTS (SELECT FROM deposits d WHERE t.kind = 'deposit' AND d.id = t.reference AND e.amount < 0)
  AND NOT EXISTS (SELECT FROM withdrawals w WHERE t.kind = 'withdrawal' AND w.id = t.reference
                  AND w.currency = e.currency AND w.amount = e.amount)
  AND NOT EXISTS (SELECT FROM entries r JOIN transfers o ON o.id = r.transfer_id
                  WHERE t.kind = 'reversal' AND o.id = t.reference AND o.kind = 'deposit'
                    AND r.account = 'external' AND r.currency = e.currency AND r.amount = -e.amount);

-- name: outside_is_what_came_and_went
-- The external account equals the credited deposits less the withdrawals that were paid.
SELECT currency AS subject, sum(ledger) || ' by the ledger, ' || sum(known) || ' by deposits and withdrawals' AS detail
FROM (SELECT currency, -amount AS ledger, 0 AS known FROM entries WHERE account = 'external'
      UNION ALL SELECT currency, 0, amount FROM deposits WHERE status = 'credited'
      UNION ALL SELECT currency, 0, -amount FROM withdrawals WHERE status = 'mined') m
GROUP BY currency HAVING sum(ledger) <> sum(known);

-- name: withdrawals_are_set_aside
-- A withdrawal has a hold of its amount and fee: placed until it ends, captured when mined, released when it fails.
SELECT w.id AS subject, w.status || ' of ' || w.amount || ' and ' || w.fee || ' ' || w.currency || ', hold ' ||
       coalesce(h.status || ' of ' || h.amount || ' ' || h.currency, 'missing') AS detail
FROM withdrawals w LEFT JOIN holds h ON h.id = w.hold_id AND h.wallet_id = w.wallet_id
WHERE h.id IS NULL OR h.currency <> w.currency OR h.amount <> w.amount + w.fee
   OR h.status <> CASE w.status WHEN 'mined' THEN 'captured' WHEN 'failed' THEN 'released' ELSE 'placed' END;

-- name: entries_have_their_transfers
-- Each entry belongs to an existing transfer, and has its time.
SELECT e.transfer_id AS subject, 'entry ' || e.position || ' of ' || e.account AS detail
FROM entries e LEFT JOIN transfers t ON t.id = e.transfer_id
WHERE (:at::timestamptz IS NULL OR e.created_at <= :at) AND t.created_at IS DISTINCT FROM e.created_at;

-- name: transfers_are_what_was_told
-- Each transfer has one event with its postings; no event lacks its transfer.
SELECT coalesce(t.id, e.stream) AS subject, coalesce(t.kind, 'no transfer') || ', told as ' || coalesce(e.data ->> 'kind', 'none')
       AS detail
FROM (SELECT * FROM transfers WHERE :at::timestamptz IS NULL OR created_at <= :at) t
FULL JOIN (SELECT * FROM events WHERE type = 'transfer.posted'
           AND (:at::timestamptz IS NULL OR recorded_at <= :at)) e ON e.stream = t.id
WHERE t.id IS NULL OR e.stream IS NULL OR e.data ->> 'kind' <> t.kind
   OR e.data ->> 'reference' <> coalesce(nullif(t.reference, ''), t.order_id, '')
   OR (SELECT array_agg(n.account || ' ' || n.currency || ' ' || n.amount ORDER BY n.account, n.currency, n.amount)
       FROM entries n WHERE n.transfer_id = t.id)
      IS DISTINCT FROM
      (SELECT array_agg(p.account || ' ' || p.currency || ' ' || p.amount ORDER BY p.account, p.currency, p.amount)
       FROM jsonb_to_recordset(e.data -> 'postings') AS p (account text, currency text, amount numeric));

-- name: settlements_are_of_settled_escrows
-- Each settled escrow has a settlement transfer, and no other escrow has one. Those that arrive from other cells have
-- their escrow there.
SELECT coalesce(e.order_id, t.order_id) AS subject, 'escrow ' || coalesce(e.status, 'not settled') || ', transfer ' ||
       coalesce(t.id, 'missing') AS detail
FROM (SELECT * FROM escrows WHERE status = 'settled') e
FULL JOIN (SELECT * FROM transfers t WHERE kind = 'settlement'
           AND NOT EXISTS (SELECT FROM transit_arrivals a WHERE a.credited_transfer = t.id)) t ON t.order_id = e.order_id
WHERE e.order_id IS NULL OR t.order_id IS NULL;

-- name: holds_are_named_after_their_orders
-- An order has one hold, whose id is the order's ULID under another prefix.
SELECT h.id AS subject, 'of ' || h.order_id AS detail
FROM holds h WHERE h.order_id <> '' AND substr(h.id, 4) <> substr(h.order_id, 4);

-- name: holds_do_not_wait
-- No hold that may expire is overdue for its check by more than an hour.
SELECT id AS subject, 'since ' || next_check_at AS detail
FROM holds WHERE status = 'placed' AND NOT firm AND next_check_at < :now::timestamptz - interval '1 hour';

-- name: withdrawals_do_not_wait
-- No withdrawal waits for an hour to be sent, or to be mined.
SELECT id AS subject, status || ' since ' || updated_at AS detail
FROM withdrawals WHERE status IN ('requested', 'sent') AND updated_at < :now::timestamptz - interval '1 hour';

-- name: arrivals_do_not_wait
-- No money from another cell waits for an hour to be credited.
SELECT giver || ' ' || version AS subject, amount || ' ' || currency || ' for ' || to_wallet_id || ' since ' || received_at
       AS detail
FROM transit_arrivals WHERE status = 'uncredited' AND received_at < :now::timestamptz - interval '1 hour';

-- name: transactions_do_not_wait
-- None of the treasury's transactions waits for an hour to be mined.
SELECT s.subject, s.purpose || ', signed ' || min(t.signed_at) AS detail
FROM sendings s JOIN signed_transactions t ON (t.chain_id, t.sender, t.nonce) = (s.chain_id, s.sender, s.nonce)
WHERE s.status = 'pending'
GROUP BY s.chain_id, s.sender, s.nonce HAVING min(t.signed_at) < :now::timestamptz - interval '1 hour';

-- name: entries_are_sealed
-- No entry waits for an hour to be sealed: before that a change could not be detected.
SELECT t.id AS subject, 'made ' || t.created_at AS detail
FROM transfers t
WHERE t.transaction >= coalesce((SELECT max(to_transaction) FROM seals), '0'::xid8)
  AND t.created_at < :now::timestamptz - interval '1 hour';
