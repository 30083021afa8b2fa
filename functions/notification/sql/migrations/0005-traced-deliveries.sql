-- The trace that a delivery is part of: that of the request which caused its event; empty outside of one.
-- depends: 0004-deliveries-by-age

ALTER TABLE deliveries ADD COLUMN traceparent text NOT NULL DEFAULT '';
