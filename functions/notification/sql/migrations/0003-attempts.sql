-- Every attempt to deliver, not the last one alone.
-- depends: 0002-notification

-- The newest attempts, oldest first, as the domain keeps them: when each ended, how long it took, and what came of it.
ALTER TABLE deliveries ADD COLUMN tried jsonb NOT NULL DEFAULT '[]';
