-- Withdrawals that are to fail: the vault cancels their payment first, so that it can never be paid any more.
-- depends: 0012-deposits-by-cell

-- `failure`: why. `attempts`: how many transactions were signed for it; the last one's subject in `sendings` is the
-- withdrawal's id, `#` and this number.
CREATE TABLE cancellations (
    withdrawal_id text        PRIMARY KEY REFERENCES withdrawals,
    failure       text        NOT NULL,
    attempts      bigint      NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    requested_at  timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE (attempts) ON cancellations TO wallet;
