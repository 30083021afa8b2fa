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

-- name: page_streams
-- The streams of one kind, beyond one already seen.
SELECT DISTINCT stream FROM events WHERE stream LIKE :prefix AND stream > :after ORDER BY stream LIMIT :most;

-- name: list_streams
-- The streams that were added to within a range of positions, each at its last version there, of some types or all.
SELECT stream, (array_agg(type ORDER BY version DESC))[1] AS type, max(version) AS version
FROM events
WHERE position > :after AND position <= :until AND (:since::timestamptz IS NULL OR recorded_at >= :since)
  AND (:before::timestamptz IS NULL OR recorded_at < :before)
  AND (cardinality(:only::text[]) = 0 OR type = ANY(:only::text[]))
GROUP BY stream ORDER BY max(position);

-- name: last_position$
-- The last position that was given out, also to a transaction that is still open.
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_position_seq;

-- name: read_unsent
-- What the relay has to publish, but for streams that stand back: within a stream, position grows with version.
SELECT position, id, type, stream, version, recorded_at AS at, data, metadata
FROM events WHERE published_at IS NULL AND stream <> ALL(:held::text[])
ORDER BY position LIMIT :most;

-- name: mark_published!
-- These are with the transport.
UPDATE events SET published_at = :at WHERE position = ANY(:positions::bigint[]);

-- name: lock_inbox^
-- How far a consumer has come in a stream, locked until its effect is committed.
INSERT INTO inbox (consumer, stream) VALUES (:consumer, :stream_id)
ON CONFLICT (consumer, stream) DO UPDATE SET version = inbox.version
RETURNING version, attempts, defects, failing_since, parked;

-- name: advance_inbox$
-- The consumer has applied this version; tells whether events of the stream are parked behind it.
UPDATE inbox SET version = :version, attempts = 0, defects = 0, failing_since = NULL, parked = false
WHERE consumer = :consumer AND stream = :stream_id
RETURNING EXISTS (SELECT FROM parked p WHERE p.consumer = inbox.consumer AND p.stream = inbox.stream);

-- name: pass_over$
-- An event that does not concern its consumer, where it is next and nothing waits in its stream: the stream advances.
WITH advanced AS (
    UPDATE inbox SET version = :version::bigint
    WHERE consumer = :consumer AND stream = :stream_id AND version = :version::bigint - 1 AND attempts = 0 AND NOT parked
      AND NOT EXISTS (SELECT FROM parked p WHERE p.consumer = inbox.consumer AND p.stream = inbox.stream)
    RETURNING version
), begun AS (
    INSERT INTO inbox (consumer, stream, version)
    SELECT :consumer, :stream_id, 1 WHERE :version::bigint = 1
    ON CONFLICT (consumer, stream) DO NOTHING
    RETURNING version
)
SELECT EXISTS (SELECT FROM advanced) OR EXISTS (SELECT FROM begun);

-- name: count_attempt!
-- The next version of a stream has failed once more.
UPDATE inbox SET attempts = attempts + 1, defects = :defects, failing_since = :since, parked = :parked
WHERE consumer = :consumer AND stream = :stream_id;

-- name: park!
-- Keep an event that cannot be applied yet; it takes the place of one that could not be read.
INSERT INTO parked (consumer, stream, version, reason, event, parked_at)
VALUES (:consumer, :stream_id, :version, :reason, :event::jsonb, :at)
ON CONFLICT (consumer, stream, version) DO UPDATE SET reason = excluded.reason, event = excluded.event
WHERE parked.reason = 'unread';

-- name: park_failing!
-- Keep an event that has failed, with what was in its way and when it is tried again.
INSERT INTO parked (consumer, stream, version, reason, error, event, parked_at, retry_at)
VALUES (:consumer, :stream_id, :version, :reason, :error, :event::jsonb, :at, :retry_at)
ON CONFLICT (consumer, stream, version)
DO UPDATE SET reason = excluded.reason, error = excluded.error, event = excluded.event, retry_at = excluded.retry_at;

-- name: take_parked^
-- The parked event that is next in its stream, taken out.
DELETE FROM parked
WHERE consumer = :consumer AND stream = :stream_id AND version = :version AND reason IN ('gap', 'unavailable')
RETURNING event;

-- name: drop_old_parked!
-- What was parked and has been applied since by another delivery.
DELETE FROM parked WHERE consumer = :consumer AND stream = :stream_id AND version <= :version;

-- name: find_due
-- Streams that wait for something which may be there by now, but for those that wait for a person.
SELECT p.stream, (array_agg(p.event ->> 'type'))[1] AS type
FROM parked p
WHERE p.consumer = :consumer AND p.reason <> 'failed'
  AND NOT EXISTS (SELECT FROM parked f WHERE f.consumer = p.consumer AND f.stream = p.stream AND f.reason = 'failed')
GROUP BY p.stream
HAVING coalesce(max(p.retry_at) <= :now, min(p.parked_at) < :before)
ORDER BY coalesce(max(p.retry_at), min(p.parked_at)), p.stream LIMIT 100;

-- name: find_missing$
-- The last version that was applied of a stream in which something waits for the next one, which is not here.
SELECT max(i.version) FROM parked p JOIN inbox i ON i.consumer = p.consumer AND i.stream = p.stream
WHERE p.consumer = :consumer AND p.stream = :stream_id AND NOT EXISTS (
    SELECT FROM parked n
    WHERE n.consumer = i.consumer AND n.stream = i.stream AND n.version = i.version + 1 AND n.reason <> 'unread');

-- name: doubt!
-- What was parked as delivered cannot be read: its source has to be asked.
UPDATE parked SET reason = 'unread' WHERE consumer = :consumer AND stream = :stream_id AND version = :version;

-- name: postpone!
-- Look after a stream again when it has waited for as long again, within bounds.
UPDATE parked
SET retry_at = :now::timestamptz
    + greatest(interval '5 seconds', least(interval '5 minutes', :now::timestamptz - parked_at))
WHERE consumer = :consumer AND stream = :stream_id AND reason <> 'failed';

-- name: list_parked
-- Streams of a consumer in which something is parked, the newest first, beyond one already shown.
SELECT p.stream, count(*)::bigint AS events, min(p.parked_at) AS since,
       coalesce(i.version, 0) + 1 AS version, coalesce(i.attempts, 0) AS attempts,
       coalesce(n.reason, 'gap') AS reason, n.error, n.event ->> 'type' AS type, n.event ->> 'id' AS event_id,
       max(p.retry_at) AS retry_at
FROM parked p
LEFT JOIN inbox i ON i.consumer = p.consumer AND i.stream = p.stream
LEFT JOIN parked n ON n.consumer = p.consumer AND n.stream = p.stream AND n.version = coalesce(i.version, 0) + 1
WHERE p.consumer = :consumer AND (:after::text IS NULL OR p.stream < :after)
GROUP BY p.stream, i.version, i.attempts, n.reason, n.error, n.event
ORDER BY p.stream DESC LIMIT :most;

-- name: count_parked
-- How many events are parked, by consumer and reason, and for how long the oldest of them, in microseconds.
SELECT consumer, reason, count(*)::bigint AS events,
       greatest(extract(epoch FROM :now::timestamptz - min(parked_at)) * 1000000, 0)::bigint AS oldest
FROM parked GROUP BY consumer, reason ORDER BY consumer, reason;

-- name: find_redrivable
-- The streams that a redrive would release, those that have waited longest first.
SELECT stream, count(*)::bigint AS events FROM parked
WHERE consumer = :consumer AND (:streams_only::text[] IS NULL OR stream = ANY(:streams_only::text[]))
GROUP BY stream ORDER BY min(parked_at), stream LIMIT :most;

-- name: count_redrivable$
-- How many streams a redrive could release.
SELECT count(DISTINCT stream)::bigint FROM parked
WHERE consumer = :consumer AND (:streams_only::text[] IS NULL OR stream = ANY(:streams_only::text[]));

-- name: release_inbox!
-- The next versions of these streams may be tried again; how often they have failed is not forgotten.
UPDATE inbox SET parked = false
WHERE consumer = :consumer AND stream = ANY(:released::text[]);

-- name: release_parked!
-- Let the consumer's worker try these streams, so many a second one after the other.
UPDATE parked SET reason = CASE WHEN reason = 'unread' THEN reason ELSE 'gap' END,
    retry_at = :now::timestamptz + (array_position(:released::text[], stream) - 1) * interval '1 second' / :per_second::integer
WHERE consumer = :consumer AND stream = ANY(:released::text[]);

-- name: note_inboxes!
-- Streams that a consumer is to follow have a place in its inbox.
INSERT INTO inbox (consumer, stream)
SELECT :consumer, s.stream FROM jsonb_to_recordset(:streams::jsonb) AS s (stream text)
ON CONFLICT (consumer, stream) DO NOTHING;

-- name: forget_places!
-- A projection's consumer has applied nothing of these streams, so that it applies all of them again.
UPDATE inbox i SET version = 0, attempts = 0, defects = 0, failing_since = NULL, parked = false
FROM jsonb_to_recordset(:streams::jsonb) AS s (stream text)
WHERE i.consumer = :consumer AND i.stream = s.stream;

-- name: page_consumed
-- Streams that a consumer follows, beyond one already seen.
SELECT stream FROM inbox WHERE consumer = :consumer AND stream > :after ORDER BY stream LIMIT :most;

-- name: find_applied$
-- How far a consumer has come in a stream.
SELECT version FROM inbox WHERE consumer = :consumer AND stream = :stream_id;

-- name: find_lacking
-- Those of these streams of which a consumer has not come so far.
SELECT s.stream, s.type, s.version
FROM jsonb_to_recordset(:streams::jsonb) AS s (stream text, type text, version bigint)
LEFT JOIN inbox i ON i.consumer = :consumer AND i.stream = s.stream
WHERE coalesce(i.version, 0) < s.version ORDER BY s.stream;

-- name: note_missing
-- Have the worker ask the source for what a consumer lacks of these streams; tells which those are.
INSERT INTO parked (consumer, stream, version, reason, event, parked_at)
SELECT i.consumer, s.stream, s.version, 'unread', jsonb_build_object('type', s.type), :at
FROM jsonb_to_recordset(:streams::jsonb) AS s (stream text, type text, version bigint)
JOIN inbox i ON i.consumer = :consumer AND i.stream = s.stream
WHERE i.version < s.version
ON CONFLICT (consumer, stream, version) DO NOTHING
RETURNING stream;

-- name: find_compared$
-- How far a consumer has compared itself with a source.
SELECT position FROM compared WHERE consumer = :consumer AND source = :source;

-- name: note_compared!
-- A consumer has compared itself with a source up to here.
INSERT INTO compared (consumer, source, position) VALUES (:consumer, :source, :position)
ON CONFLICT (consumer, source) DO UPDATE SET position = greatest(compared.position, excluded.position);

-- name: lock_inboxes
-- How far a consumer has come in several streams, locked until its effects are committed.
INSERT INTO inbox (consumer, stream)
SELECT :consumer, name FROM unnest(:names::text[]) AS n (name) ORDER BY name
ON CONFLICT (consumer, stream) DO UPDATE SET version = inbox.version
RETURNING stream, version, parked;

-- name: advance_inboxes
-- The consumer has applied all up to these versions; tells in which of the streams events are parked behind them.
UPDATE inbox
SET version = a.version, attempts = 0, defects = 0, failing_since = NULL, parked = false
FROM jsonb_to_recordset(:advanced::jsonb) AS a (stream text, version bigint)
WHERE inbox.consumer = :consumer AND inbox.stream = a.stream
RETURNING inbox.stream,
    EXISTS (SELECT FROM parked p WHERE p.consumer = inbox.consumer AND p.stream = inbox.stream) AS behind;

-- name: beat!
-- Let replicas know how far they have come. Nobody misses a beat that a crash takes back.
WITH lightly AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE heartbeat SET at = clock_timestamp() FROM lightly;

-- name: read_lag$
-- How far a replica is behind at most, in microseconds: by the last beat that it has heard of, however that came.
SELECT greatest(extract(epoch FROM clock_timestamp() - at) * 1000000, 0)::bigint FROM heartbeat;
