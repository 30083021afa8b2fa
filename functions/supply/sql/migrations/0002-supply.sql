-- Supplies, their stock per cell, and reservations.
-- depends: 0001-event-store

CREATE TABLE supplies (
    id               text           PRIMARY KEY,
    merchant_id      text           NOT NULL,
    payout_wallet_id text           NOT NULL,
    title            text           NOT NULL,
    description      text           NOT NULL,
    currency         text           NOT NULL,
    unit_price       numeric(78, 0) NOT NULL CHECK (unit_price >= 0),
    per_user_limit   bigint         CHECK (per_user_limit > 0),
    chain_id         bigint         NOT NULL,
    contract         text           NOT NULL,
    token_id         numeric(78, 0) NOT NULL CHECK (token_id >= 0),
    standard         text           NOT NULL CHECK (standard IN ('ERC-721', 'ERC-1155')),
    phases           jsonb          NOT NULL DEFAULT '[]',
    status           text           NOT NULL CHECK (status IN ('draft', 'active', 'paused', 'archived')),
    published        boolean        NOT NULL CHECK (published OR status IN ('draft', 'archived')),
    version          bigint         NOT NULL,
    stream_version   bigint         NOT NULL,
    created_at       timestamptz    NOT NULL,
    updated_at       timestamptz    NOT NULL
);
COMMENT ON COLUMN supplies.published IS 'Whether it was ever active, and so seen by others than its merchant.';
CREATE INDEX supplies_by_merchant ON supplies (merchant_id, id DESC);

-- What each cell may sell by itself. Quota moves between cells, so that their sum is the quantity, always.
CREATE TABLE stock (
    supply_id text   NOT NULL REFERENCES supplies,
    cell      text   NOT NULL,
    quantity  bigint NOT NULL CHECK (quantity >= 0),
    available bigint NOT NULL CHECK (available >= 0),
    reserved  bigint NOT NULL CHECK (reserved >= 0),
    sold      bigint NOT NULL CHECK (sold >= 0),
    version   bigint NOT NULL,
    PRIMARY KEY (supply_id, cell),
    CONSTRAINT stock_adds_up CHECK (quantity = available + reserved + sold)
);

-- What was reserved or sold in each phase of a sale, by the phase's name: a sum that is read under the lock on the stock.
CREATE TABLE phase_stock (
    supply_id text   NOT NULL,
    cell      text   NOT NULL,
    phase     text   NOT NULL,
    taken     bigint NOT NULL CHECK (taken >= 0),
    PRIMARY KEY (supply_id, cell, phase),
    FOREIGN KEY (supply_id, cell) REFERENCES stock
);

-- Supplies as they are shown: with the stock of all cells, and sold out while nothing is left.
CREATE VIEW supplies_shown AS
SELECT s.id, s.merchant_id, s.payout_wallet_id, s.title, s.description, s.currency, s.unit_price, s.per_user_limit,
       s.chain_id, s.contract, s.token_id, s.standard, s.phases, s.published, s.version, s.created_at, s.updated_at,
       CASE WHEN s.status = 'active' AND t.available = 0 THEN 'sold_out' ELSE s.status END AS status,
       t.quantity, t.available, t.reserved, t.sold, t.stock_version
FROM supplies s
CROSS JOIN LATERAL (
    SELECT sum(quantity)::bigint AS quantity, sum(available)::bigint AS available, sum(reserved)::bigint AS reserved,
           sum(sold)::bigint AS sold, sum(version)::bigint AS stock_version
    FROM stock WHERE supply_id = s.id
) t;

-- Units set aside for a line of an order. A row of quantity 0 is a tombstone: released before it was made. What it was
-- held to when it was made stays with it, so that an audit can tell whether limits were kept that have changed since;
-- `turn` grows in the order in which reservations of a supply were made, as they are made under the lock on its stock.
CREATE TABLE reservations (
    id            text        PRIMARY KEY,
    order_id      text        NOT NULL,
    supply_id     text        NOT NULL,
    cell          text        NOT NULL,
    user_id       text        NOT NULL,
    quantity      bigint      NOT NULL CHECK (quantity >= 0),
    phase         text        NOT NULL DEFAULT '',
    user_limit    bigint,
    phase_limit   bigint,
    phase_cap     bigint,
    turn          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    expires_at    timestamptz NOT NULL,
    next_check_at timestamptz NOT NULL,
    checks        integer     NOT NULL DEFAULT 0,
    status        text        NOT NULL CHECK (status IN ('reserved', 'committed', 'released', 'returned')),
    reason        text,
    firm          boolean     NOT NULL DEFAULT false,
    version       bigint      NOT NULL,
    made_at       timestamptz NOT NULL,
    ended_at      timestamptz,
    CHECK (quantity > 0 OR status = 'released')
);
CREATE INDEX reservations_by_buyer ON reservations (supply_id, user_id) WHERE status IN ('reserved', 'committed');
CREATE INDEX reservations_by_order ON reservations (order_id);
CREATE INDEX reservations_expiring ON reservations (next_check_at) WHERE status = 'reserved' AND NOT firm;

GRANT SELECT, INSERT, UPDATE ON supplies, stock, phase_stock, reservations TO supply;
GRANT SELECT ON supplies_shown TO supply;
