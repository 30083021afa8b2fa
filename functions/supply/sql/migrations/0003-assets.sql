-- Whose assets are. What was put up before nobody has proven to be its merchant's: unless it is the supply's own token of
-- the house's contract, it sells again once its merchant makes it active and its contract says that it is theirs.
-- depends: 0002-supply

ALTER TABLE supplies ADD COLUMN asset_proven boolean NOT NULL DEFAULT false;
CREATE INDEX supplies_by_asset ON supplies (contract, token_id);
