-- Who sold what a claim hands out, so that its merchant is told of it.
-- depends: 0003-chain

ALTER TABLE claims ADD COLUMN merchant_id text NOT NULL DEFAULT '';
