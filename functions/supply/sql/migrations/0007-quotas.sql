-- Quotas: what each cell has of a supply, and how it came there. Only the home creates units and rights; between cells they
-- move by grants, each a debit with its event here and a credit there (shared/cells/quota.py).
-- depends: 0006-replicas
-- compatible: insert_stock, because the release that serves inserts stock with its supply, in one transaction

-- Units that came from other cells, less those that went to them; so the quantity of a supply is, at its home, what is
-- there less what has moved. Units arrive whether or not the supply's terms have.
ALTER TABLE stock ADD COLUMN moved bigint NOT NULL DEFAULT 0;
ALTER TABLE stock ADD COLUMN closed_at_version bigint;
ALTER TABLE stock ADD COLUMN reports bigint NOT NULL DEFAULT 0;
ALTER TABLE stock DROP CONSTRAINT stock_supply_id_fkey;
COMMENT ON COLUMN stock.closed_at_version IS
    'The version of the supply at which its home had this cell closed; a later one opens it again.';
COMMENT ON COLUMN stock.reports IS 'How many times its counters were reported to the home.';

-- Rights that came, less those that went. What a cell may still sell in a phase: the cap at home, and what has moved, less
-- what is taken.
ALTER TABLE phase_stock ADD COLUMN moved bigint NOT NULL DEFAULT 0;

-- The two streams of grants between this cell and another one: their last versions, and the sums of what they moved.
CREATE TABLE quota_streams (
    supply_id       text   NOT NULL,
    peer            text   NOT NULL,
    given           bigint NOT NULL DEFAULT 0,
    units_given     bigint NOT NULL DEFAULT 0,
    rights_given    jsonb  NOT NULL DEFAULT '{}',
    received        bigint NOT NULL DEFAULT 0,
    units_received  bigint NOT NULL DEFAULT 0,
    rights_received jsonb  NOT NULL DEFAULT '{}',
    PRIMARY KEY (supply_id, peer)
);

-- At the home: what other cells last reported of its supplies.
CREATE TABLE counted (
    supply_id text   NOT NULL,
    cell      text   NOT NULL,
    reserved  bigint NOT NULL,
    sold      bigint NOT NULL,
    changes   bigint NOT NULL,
    PRIMARY KEY (supply_id, cell)
);

-- Elsewhere: supplies of other cells whose counters have changed since they were reported. A queue, so that a sale at home
-- touches no further index.
CREATE TABLE uncounted (supply_id text PRIMARY KEY);

-- The units of supplies over all cells, as far as their home knows: what is under way between cells is available.
CREATE OR REPLACE VIEW supplies_shown AS
SELECT s.id, s.merchant_id, s.payout_wallet_id, s.title, s.description, s.currency, s.unit_price, s.per_user_limit,
       s.chain_id, s.contract, s.token_id, s.standard, s.phases, s.published, s.version, s.created_at, s.updated_at,
       CASE WHEN s.status = 'active' AND t.available = 0 THEN 'sold_out' ELSE s.status END AS status,
       t.quantity, t.available, t.reserved, t.sold, t.stock_version
FROM supplies s
CROSS JOIN LATERAL (
    SELECT h.quantity, greatest(h.quantity - h.reserved - h.sold - c.reserved - c.sold, 0) AS available,
           h.reserved + c.reserved AS reserved, h.sold + c.sold AS sold, h.version + c.changes AS stock_version
    FROM (SELECT coalesce(sum(quantity - moved), 0)::bigint AS quantity, coalesce(sum(reserved), 0)::bigint AS reserved,
                 coalesce(sum(sold), 0)::bigint AS sold, coalesce(sum(version), 0)::bigint AS version
          FROM stock WHERE supply_id = s.id) h
    CROSS JOIN (SELECT coalesce(sum(reserved), 0)::bigint AS reserved, coalesce(sum(sold), 0)::bigint AS sold,
                       coalesce(sum(changes), 0)::bigint AS changes
                FROM counted WHERE supply_id = s.id) c
) t;

GRANT SELECT, INSERT, UPDATE ON quota_streams, counted TO supply;
GRANT SELECT, INSERT, DELETE ON uncounted TO supply;
