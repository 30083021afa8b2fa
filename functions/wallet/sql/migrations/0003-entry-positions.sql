-- The order of a ledger. Ids are drawn before the account is locked, so that under load they do not tell in which order
-- balances changed; a position is drawn with the account locked.
-- depends: 0002-wallet

ALTER TABLE entries ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
DROP INDEX entries_by_account;
CREATE UNIQUE INDEX entries_by_account ON entries (account, position DESC);
