-- Transactions that only use up the nonce of a call that failed for good.
-- depends: 0004-merchants

ALTER TABLE signed_transactions ADD COLUMN cancels boolean NOT NULL DEFAULT false;
