-- What the contract has honoured, and was not applied to its claim yet: stored as the cursor of the chain moves on, so that
-- a claim which cannot be saved stops neither the others nor the cursor.
-- depends: 0006-failures

CREATE TABLE honoured (
    key              bytea  PRIMARY KEY,
    chain_id         bigint NOT NULL,
    transaction_hash text   NOT NULL,
    block_number     bigint NOT NULL,
    block_hash       text   NOT NULL,
    recipient        text   NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON honoured TO claiming;
