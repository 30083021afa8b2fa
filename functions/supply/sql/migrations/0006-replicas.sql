-- Supplies of other cells, as their homes told. The id says the home; they have no stock here but what this cell sells itself.
-- depends: 0005-payouts

-- The units in all cells, as of the home's last event; none for the supplies of this cell, whose stock is known.
ALTER TABLE supplies
    ADD COLUMN home_quantity bigint, ADD COLUMN home_available bigint, ADD COLUMN home_reserved bigint,
    ADD COLUMN home_sold bigint, ADD COLUMN home_stock_version bigint;

-- Lists are of one cell, or of several by age.
CREATE INDEX supplies_by_age ON supplies (right(id, 26) DESC, id DESC);

-- Supplies as they are shown, whosever they are.
CREATE VIEW supplies_known AS
SELECT s.id, s.merchant_id, s.payout_wallet_id, s.title, s.description, s.currency, s.unit_price, s.per_user_limit,
       s.chain_id, s.contract, s.token_id, s.standard, s.phases, s.published, s.version, s.created_at, s.updated_at,
       CASE WHEN k.home_quantity IS NULL THEN s.status
            WHEN k.status = 'active' AND k.home_available = 0 THEN 'sold_out' ELSE k.status END AS status,
       coalesce(k.home_quantity, s.quantity) AS quantity, coalesce(k.home_available, s.available) AS available,
       coalesce(k.home_reserved, s.reserved) AS reserved, coalesce(k.home_sold, s.sold) AS sold,
       coalesce(k.home_stock_version, s.stock_version) AS stock_version
FROM supplies_shown s JOIN supplies k ON k.id = s.id;

GRANT SELECT ON supplies_known TO supply;
