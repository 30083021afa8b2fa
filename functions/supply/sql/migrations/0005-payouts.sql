-- Which supplies the wallet service knows to pay out where they do.
-- depends: 0004-firm-reservations

-- Those that were there before it kept such references are noted by and by.
ALTER TABLE supplies ADD COLUMN payout_noted boolean NOT NULL DEFAULT false;
CREATE INDEX supplies_payout_unnoted ON supplies (id) WHERE NOT payout_noted AND status <> 'archived';
