-- name: transfers_sum_to_zero
-- The postings of a transfer sum to zero per currency.
SELECT transfer_id AS subject, sum(amount) || ' ' || currency AS detail
FROM entries GROUP BY transfer_id, currency HAVING sum(amount) <> 0;

-- name: transfers_have_two_postings
-- A movement has somewhere from and somewhere to.
SELECT t.id AS subject, count(e.id) || ' postings' AS detail
FROM transfers t LEFT JOIN entries e ON e.transfer_id = t.id GROUP BY t.id HAVING count(e.id) < 2;

-- name: balances_are_their_entries
-- A wallet's running balance is the sum of its entries.
SELECT a.wallet_id AS subject, a.posted || ' ' || a.currency || ', entries say ' || coalesce(sum(e.amount), 0) AS detail
FROM accounts a LEFT JOIN entries e ON e.account = a.wallet_id AND e.currency = a.currency
GROUP BY a.wallet_id, a.currency, a.posted HAVING a.posted <> coalesce(sum(e.amount), 0);

-- name: held_is_the_sum_of_holds
-- What a wallet has set aside is what its placed holds say.
SELECT a.wallet_id AS subject, a.held || ' ' || a.currency || ', holds say ' || coalesce(sum(h.amount), 0) AS detail
FROM accounts a LEFT JOIN holds h ON h.wallet_id = a.wallet_id AND h.currency = a.currency AND h.status = 'placed'
GROUP BY a.wallet_id, a.currency, a.held HAVING a.held <> coalesce(sum(h.amount), 0);

-- name: captures_are_escrowed
-- A captured hold has its escrow and its transfer, and nothing else has.
SELECT coalesce(h.order_id, e.order_id) AS subject, 'hold ' || coalesce(h.id, 'missing') || ', escrow ' ||
       coalesce(e.status, 'missing') || ', transfer ' || coalesce(t.id, 'missing') AS detail
FROM (SELECT * FROM holds WHERE status = 'captured') h
FULL JOIN escrows e ON e.order_id = h.order_id
FULL JOIN (SELECT * FROM transfers WHERE kind = 'capture') t ON t.order_id = coalesce(h.order_id, e.order_id)
WHERE h.id IS NULL OR e.order_id IS NULL OR t.id IS NULL OR e.amount <> h.amount;

-- name: escrow_is_what_is_unsettled
-- What is in escrow per currency is what paid orders have not been settled or refunded for.
SELECT 'escrow' AS subject, l.total || ' ' || l.currency || ', escrows say ' || coalesce(e.total, 0) AS detail
FROM (SELECT currency, sum(amount) AS total FROM entries WHERE account = 'escrow' GROUP BY currency) l
LEFT JOIN (SELECT currency, sum(amount) AS total FROM escrows WHERE status = 'captured' GROUP BY currency) e
    ON e.currency = l.currency
WHERE l.total <> coalesce(e.total, 0);
