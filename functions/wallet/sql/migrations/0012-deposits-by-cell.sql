-- Deposits by cell: each cell books those for its own addresses, one books those that no cell knows.
-- depends: 0011-transit

-- `disowned`: every other cell has said that the deposit's address is not its own. Until then it is booked by the cell that
-- books what nobody knows, which goes on asking, and drops it if it is another's.
ALTER TABLE deposits ADD COLUMN disowned boolean NOT NULL DEFAULT true;
CREATE INDEX deposits_doubtful ON deposits (chain_id) WHERE NOT disowned;

GRANT DELETE ON deposits TO wallet;
