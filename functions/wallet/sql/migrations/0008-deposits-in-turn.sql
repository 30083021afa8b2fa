-- Deposits by themselves: those that wait for a wallet, or for room in one, and whose turn it is to be fetched.
-- depends: 0007-seal-formats

CREATE INDEX deposits_uncredited ON deposits (chain_id, wallet_key) WHERE status = 'unattributed';

-- Up to which wallet deposit addresses had their turn the last time something was fetched, by currency.
CREATE TABLE collection_turns (
    chain_id  bigint NOT NULL,
    currency  text   NOT NULL,
    wallet_id text   NOT NULL,
    PRIMARY KEY (chain_id, currency)
);

GRANT SELECT, INSERT, UPDATE ON collection_turns TO wallet;
