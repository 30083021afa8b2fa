-- The house's fee on withdrawals, beside the amount; whose turn it is to be sent; whether an address is one of ours.
-- depends: 0005-cancellations

ALTER TABLE withdrawals ADD COLUMN fee numeric(78, 0) NOT NULL DEFAULT 0 CHECK (fee >= 0);
CREATE INDEX withdrawals_in_turn ON withdrawals (user_id, id) WHERE status = 'requested';
CREATE INDEX deposit_addresses_by_address ON deposit_addresses (chain_id, address);
