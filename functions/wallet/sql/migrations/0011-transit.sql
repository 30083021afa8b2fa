-- Money between cells: how far the stream to each other cell has come, and what has arrived from each.
-- depends: 0010-closed-wallets

-- The version of the last movement sent to a cell. Whoever sends the next holds the row until the commit, so that the
-- stream of the two cells has no gaps.
CREATE TABLE transit_streams (
    receiver text   PRIMARY KEY,
    version  bigint NOT NULL CHECK (version > 0)
);

-- What has arrived from other cells, each movement once. It is `uncredited` while there is no wallet for it here, or its
-- wallet would overflow: then it keeps nothing else of its stream waiting.
CREATE TABLE transit_arrivals (
    giver             text           NOT NULL,
    version           bigint         NOT NULL CHECK (version > 0),
    transfer_id       text           NOT NULL,
    kind              text           NOT NULL,
    currency          text           NOT NULL,
    amount            numeric(78, 0) NOT NULL CHECK (amount > 0),
    from_wallet_id    text           NOT NULL,
    from_user_id      text           NOT NULL,
    to_wallet_id      text           NOT NULL,
    to_user_id        text           NOT NULL,
    order_id          text           NOT NULL,
    reference         text           NOT NULL,
    status            text           NOT NULL CHECK (status IN ('uncredited', 'credited')),
    received_at       timestamptz    NOT NULL,
    credited_transfer text           UNIQUE REFERENCES transfers,
    credited_at       timestamptz,
    PRIMARY KEY (giver, version),
    CHECK ((status = 'credited') = (credited_transfer IS NOT NULL AND credited_at IS NOT NULL))
);
CREATE INDEX transit_uncredited ON transit_arrivals (received_at) WHERE status = 'uncredited';

GRANT SELECT, INSERT, UPDATE (version) ON transit_streams TO wallet;
GRANT SELECT, INSERT, UPDATE (status, credited_transfer, credited_at) ON transit_arrivals TO wallet;
