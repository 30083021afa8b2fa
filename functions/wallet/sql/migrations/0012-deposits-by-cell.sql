-- Deposits by cell: each cell books those for its own addresses, one books those that no cell knows.
-- depends: 0011-transit

-- `asked`: every other cell has said that the deposit's address is not its own. Until then it is booked by the cell that
-- books what nobody knows, which goes on asking, and drops it if it is another's.
ALTER TABLE deposits ADD COLUMN asked boolean NOT NULL DEFAULT true;
CREATE INDEX deposits_unasked ON deposits (chain_id) WHERE NOT asked;

GRANT DELETE ON deposits TO wallet;
