-- Since when a consumer has applied all that a source of another cell had committed: how far it is behind, as far as known.
-- depends: 0003-addressed-events

ALTER TABLE compared ADD COLUMN level_at timestamptz;
