-- name: append_events!
-- Record facts; a version that is taken says that another writer was first.
INSERT INTO events (stream, version, id, type, data, metadata, recorded_at)
SELECT e.stream, e.version, e.id, e.type, e.data, e.metadata, e.at
FROM jsonb_to_recordset(:events::jsonb)
    AS e (stream text, version bigint, id text, type text, data jsonb, metadata jsonb, at timestamptz)
ORDER BY e.stream, e.version;

-- name: read_stream
-- The events of a stream from a version on, oldest first.
SELECT id, type, stream, version, recorded_at AS at, data, metadata
FROM events WHERE stream = :stream_id AND version >= :from_version
ORDER BY version LIMIT :most;

-- name: read_unsent
-- What the relay has to publish, but for streams that stand back: within a stream, position grows with version.
SELECT position, id, type, stream, version, recorded_at AS at, data, metadata
FROM events WHERE published_at IS NULL AND stream <> ALL(:held::text[])
ORDER BY position LIMIT :most;

-- name: mark_published!
-- These are with the transport.
UPDATE events SET published_at = :at WHERE position = ANY(:positions::bigint[]);

-- name: lock_inbox$
-- The last version that a consumer applied of a stream, locked until its effect is committed.
INSERT INTO inbox (consumer, stream) VALUES (:consumer, :stream_id)
ON CONFLICT (consumer, stream) DO UPDATE SET version = inbox.version
RETURNING version;

-- name: advance_inbox$
-- The consumer has applied this version; tells whether events of the stream are parked behind it.
UPDATE inbox SET version = :version WHERE consumer = :consumer AND stream = :stream_id
RETURNING EXISTS (SELECT FROM parked p WHERE p.consumer = inbox.consumer AND p.stream = inbox.stream);

-- name: park!
-- Keep an event that cannot be applied yet.
INSERT INTO parked (consumer, stream, version, reason, event, parked_at)
VALUES (:consumer, :stream_id, :version, :reason, :event::jsonb, :at)
ON CONFLICT (consumer, stream, version) DO NOTHING;

-- name: take_parked^
-- The parked event that is next in its stream, taken out.
DELETE FROM parked WHERE consumer = :consumer AND stream = :stream_id AND version = :version AND reason = 'gap'
RETURNING event;

-- name: drop_old_parked!
-- What was parked and has been applied since by another delivery.
DELETE FROM parked WHERE consumer = :consumer AND stream = :stream_id AND version <= :version AND reason = 'gap';

-- name: find_gaps
-- Streams that have waited for a missing version since before a time.
SELECT p.stream, coalesce(max(i.version), 0) AS version, (array_agg(p.event ->> 'type'))[1] AS type
FROM parked p LEFT JOIN inbox i ON i.consumer = p.consumer AND i.stream = p.stream
WHERE p.consumer = :consumer AND p.reason = 'gap' AND p.parked_at < :before
GROUP BY p.stream LIMIT 100;
