-- What operators see of the wallet service in figures: kinds of accounts, and what they have together.

-- name: money
-- The sum of all wallets, what of it is held, and each kind of the house's accounts: all but `held` come to 0.
SELECT kind, currency, sum(amount)::text AS amount FROM (
    SELECT 'wallets' AS kind, currency, posted AS amount FROM accounts
    UNION ALL SELECT 'held', currency, held FROM accounts
    UNION ALL SELECT split_part(account, ':', 1), currency, balance FROM house_balances
    UNION ALL
    SELECT split_part(e.account, ':', 1), e.currency, e.amount
    FROM roll_ups r JOIN transfers t ON t.transaction >= r.up_to JOIN entries e ON e.transfer_id = t.id
    WHERE NOT starts_with(e.account, 'wal_')
) a
GROUP BY kind, currency ORDER BY kind, currency;
