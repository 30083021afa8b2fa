-- name: append_events!
-- Append events; a unique violation means that another writer was first.
INSERT INTO events (stream, version, id, type, data, metadata, recorded_at)
SELECT e.stream, e.version, e.id, e.type, e.data, e.metadata, e.at
FROM jsonb_to_recordset(:events::jsonb)
    AS e (stream text, version bigint, id text, type text, data jsonb, metadata jsonb, at timestamptz)
ORDER BY e.stream, e.version;

-- name: read_stream
-- The events of a stream from a version on, oldest first.
SELECT id, type, stream, version, recorded_at AS at, data, metadata_of(metadata, trace) AS metadata
FROM events WHERE stream = :stream_id AND version >= :from_version
ORDER BY version LIMIT :most;

-- name: read_streams
-- All events of some streams, each stream's oldest first.
SELECT id, type, stream, version, recorded_at AS at, data, metadata_of(metadata, trace) AS metadata
FROM events WHERE stream = ANY(:streams::text[])
ORDER BY stream, version;

-- name: read_types
-- The events of a stream from a version on, of some types or all, oldest first, in one snapshot with its last version.
SELECT e.id, e.type, e.stream, e.version, e.recorded_at AS at, e.data,
    metadata_of(e.metadata, e.trace) AS metadata, l.version AS last
FROM (SELECT max(version) AS version FROM events WHERE stream = :stream_id) l
LEFT JOIN events e ON e.stream = :stream_id AND e.version >= :from_version
    AND (cardinality(:only::text[]) = 0 OR e.type = ANY(:only::text[]))
ORDER BY e.version LIMIT :most;

-- name: page_streams
-- A page of streams with a prefix, after a given one.
SELECT DISTINCT stream FROM events WHERE stream LIKE :prefix AND stream > :after ORDER BY stream LIMIT :most;

-- name: list_streams
-- The streams with events in a range of positions, each with its last version there, of some types or all; of those whose
-- data names a receiver by the cell in an id, only what is for one cell.
SELECT stream, (array_agg(type ORDER BY version DESC))[1] AS type, max(version) AS version
FROM events
WHERE position > :after AND position <= :until AND (:since::timestamptz IS NULL OR recorded_at >= :since)
  AND (:before::timestamptz IS NULL OR recorded_at < :before)
  AND (cardinality(:only::text[]) = 0 OR type = ANY(:only::text[]))
  AND (:receiver::text = '' OR coalesce(nullif(split_part(data ->> :receiver_field::text, '_', 2), ''), :receiver) = :receiver::text)
GROUP BY stream ORDER BY max(position);

-- name: last_position$
-- The last assigned position, including those of open transactions.
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_position_seq;

-- name: read_unsent
-- Takes from the outbox what the last read had found and was published since, and reads on: unsent events beyond a position,
-- without those of held-back streams, each with the types of those before it in its stream, the newest first, and whether
-- the gate names a standby; within a stream, position grows with version.
WITH gone AS (DELETE FROM unsent WHERE position = ANY(:sent::bigint[]))
SELECT u.position, e.id, e.type, e.stream, e.version, e.recorded_at AS at, e.data,
    metadata_of(e.metadata, e.trace) AS metadata,
    (SELECT standby <> '' OR joining <> '' FROM gate) AS gated,  -- as GateRow.names says it
    ARRAY(
        SELECT p.type FROM events p
        WHERE p.stream = u.stream AND p.version < u.version AND p.version >= u.version - :look_back::bigint
        ORDER BY p.version DESC
    ) AS before
FROM unsent u JOIN events e ON e.stream = u.stream AND e.version = u.version
WHERE u.position > :beyond AND u.stream <> ALL(:held::text[])
  AND u.position <> ALL(:sent::bigint[])  -- the snapshot has them still
ORDER BY u.position LIMIT :most;

-- name: delete_sent!
-- Take published events from the outbox.
DELETE FROM unsent WHERE position = ANY(:positions::bigint[]);

-- name: measure_unsent^
-- How many events are unsent, and for how long the oldest of them, in microseconds.
SELECT count(*)::bigint AS events,
       coalesce(greatest(extract(epoch FROM :now::timestamptz - min(e.recorded_at)) * 1000000, 0), 0)::bigint AS oldest
FROM unsent u JOIN events e ON e.stream = u.stream AND e.version = u.version;

-- name: enter_inbox
-- Advance a consumer's stream to an event that is next, and so lock it until the effect is committed; no row if it is not.
-- Fails if the same is entered for the first time twice at once.
WITH moved AS (
    UPDATE inbox SET version = :version, attempts = 0, defects = 0, failing_since = NULL, parked = false
    WHERE consumer = :consumer AND stream = :stream_id AND version >= :follows AND version < :version AND NOT parked
    RETURNING stream
), fresh AS (
    INSERT INTO inbox (consumer, stream, version)
    SELECT :consumer, :stream_id, :version::bigint
    WHERE :follows::bigint = 0 AND NOT EXISTS (SELECT FROM inbox WHERE consumer = :consumer AND stream = :stream_id)
    RETURNING stream
)
SELECT stream FROM moved UNION ALL SELECT stream FROM fresh;

-- name: enter_inboxes
-- The same for the next events of several streams: `follows` of the first of each, `first` and last version. The streams
-- that are entered. Fails as that does.
WITH entering AS (
    SELECT * FROM unnest(:streams::text[], :follows::bigint[], :firsts::bigint[], :versions::bigint[])
        AS e (stream, follows, first, version)
), fresh AS (
    INSERT INTO inbox (consumer, stream, version)
    SELECT :consumer, stream, version FROM entering e
    WHERE follows = 0 AND NOT EXISTS (SELECT FROM inbox i WHERE i.consumer = :consumer AND i.stream = e.stream)
    ORDER BY stream
    RETURNING stream
), locked AS (
    SELECT i.stream, e.version FROM inbox i JOIN entering e ON e.stream = i.stream
    WHERE i.consumer = :consumer AND i.version >= e.follows AND i.version < e.first AND NOT i.parked
    ORDER BY i.stream FOR UPDATE OF i
), moved AS (
    UPDATE inbox i SET version = l.version, attempts = 0, defects = 0, failing_since = NULL, parked = false
    FROM locked l WHERE i.consumer = :consumer AND i.stream = l.stream
    RETURNING i.stream
)
SELECT stream FROM fresh UNION ALL SELECT stream FROM moved;

-- name: find_behind
-- Those of these streams in which events are parked.
SELECT DISTINCT stream FROM parked WHERE consumer = :consumer AND stream = ANY(:streams::text[]);

-- name: lock_inbox^
-- A consumer's version of a stream, locked until the effect is committed.
INSERT INTO inbox (consumer, stream) VALUES (:consumer, :stream_id)
ON CONFLICT (consumer, stream) DO UPDATE SET version = inbox.version
RETURNING version, attempts, defects, failing_since, parked;

-- name: advance_inbox!
-- Advance a stream to an applied version.
UPDATE inbox SET version = :version, attempts = 0, defects = 0, failing_since = NULL, parked = false
WHERE consumer = :consumer AND stream = :stream_id;

-- name: pass_over!
-- Advance a stream from a version to one through which its source has nothing more of the consumer's types.
UPDATE inbox SET version = :through, attempts = 0, defects = 0, failing_since = NULL, parked = false
WHERE consumer = :consumer AND stream = :stream_id AND version = :version AND version < :through;

-- name: count_attempt!
-- Count a failed attempt at the next version of a stream.
UPDATE inbox SET attempts = attempts + 1, defects = :defects, failing_since = :since, parked = :parked
WHERE consumer = :consumer AND stream = :stream_id;

-- name: park!
-- Park an event that cannot be applied yet; it replaces an unread one.
INSERT INTO parked (consumer, stream, version, prior, reason, event, parked_at)
VALUES (:consumer, :stream_id, :version, :prior, :reason, :event::jsonb, :at)
ON CONFLICT (consumer, stream, version)
DO UPDATE SET prior = excluded.prior, reason = excluded.reason, event = excluded.event
WHERE parked.reason = 'unread';

-- name: park_failing!
-- Park a failed event, with its error and the time of its retry.
INSERT INTO parked (consumer, stream, version, prior, reason, error, event, parked_at, retry_at)
VALUES (:consumer, :stream_id, :version, :prior, :reason, :error, :event::jsonb, :at, :retry_at)
ON CONFLICT (consumer, stream, version)
DO UPDATE SET prior = excluded.prior, reason = excluded.reason, error = excluded.error, event = excluded.event,
    retry_at = excluded.retry_at;

-- name: take_parked^
-- Take out the parked event that is next after an applied version: the first one whose prior is applied.
DELETE FROM parked
WHERE consumer = :consumer AND stream = :stream_id AND reason IN ('gap', 'unavailable') AND version = (
    SELECT min(n.version) FROM parked n
    WHERE n.consumer = :consumer AND n.stream = :stream_id AND n.version > :version AND n.prior <= :version)
RETURNING event;

-- name: drop_old_parked!
-- Delete parked events that another delivery has applied since.
DELETE FROM parked WHERE consumer = :consumer AND stream = :stream_id AND version <= :version;

-- name: find_due
-- Streams with parked events that are due for a retry, without those that wait for a person: of one cell (its name is the
-- second part of an id and of a stream between cells), or of all besides some.
SELECT p.stream, (array_agg(p.event ->> 'type'))[1] AS type
FROM parked p
WHERE p.consumer = :consumer AND p.reason <> 'failed'
  AND (:source::text IS NULL OR split_part(p.stream, '_', 2) = :source)
  AND split_part(p.stream, '_', 2) <> ALL(:besides::text[])
  AND NOT EXISTS (SELECT FROM parked f WHERE f.consumer = p.consumer AND f.stream = p.stream AND f.reason = 'failed')
GROUP BY p.stream
HAVING coalesce(max(p.retry_at) <= :now, min(p.parked_at) < :before)
ORDER BY coalesce(max(p.retry_at), min(p.parked_at)), p.stream LIMIT 100;

-- name: find_missing$
-- The last applied version of a stream, if events are parked in it but the next one is not.
SELECT max(i.version) FROM parked p JOIN inbox i ON i.consumer = p.consumer AND i.stream = p.stream
WHERE p.consumer = :consumer AND p.stream = :stream_id AND NOT EXISTS (
    SELECT FROM parked n
    WHERE n.consumer = i.consumer AND n.stream = i.stream AND n.version > i.version AND n.prior <= i.version
      AND n.reason <> 'unread');

-- name: mark_unreadable!
-- Mark a parked event as undecodable, so that it is read from its source.
UPDATE parked SET reason = 'unread' WHERE consumer = :consumer AND stream = :stream_id AND version = :version;

-- name: back_off!
-- Retry a stream when it has waited for as long again, within bounds.
UPDATE parked
SET retry_at = :now::timestamptz
    + greatest(interval '5 seconds', least(interval '5 minutes', :now::timestamptz - parked_at))
WHERE consumer = :consumer AND stream = :stream_id AND reason <> 'failed';

-- name: list_parked
-- A page of a consumer's streams with parked events, those made last first, after a given one. They are of several cells.
WITH page AS (
    SELECT DISTINCT right(stream, 26) AS age, stream FROM parked
    WHERE consumer = :consumer AND (:after::text IS NULL OR (right(stream, 26), stream) < (right(:after, 26), :after))
    ORDER BY age DESC, stream DESC LIMIT :most
)
SELECT p.stream, count(*)::bigint AS events, min(p.parked_at) AS since,
       coalesce(n.version, i.version + 1, 1) AS version, coalesce(i.attempts, 0) AS attempts,
       coalesce(n.reason, 'gap') AS reason, n.error, n.event ->> 'type' AS type, n.event ->> 'id' AS event_id,
       max(p.retry_at) AS retry_at
FROM page JOIN parked p ON p.consumer = :consumer AND p.stream = page.stream
LEFT JOIN inbox i ON i.consumer = p.consumer AND i.stream = p.stream
LEFT JOIN LATERAL (
    SELECT * FROM parked a
    WHERE a.consumer = p.consumer AND a.stream = p.stream
      AND a.version > coalesce(i.version, 0) AND a.prior <= coalesce(i.version, 0)
    ORDER BY a.version LIMIT 1
) n ON true
GROUP BY page.age, p.stream, i.version, i.attempts, n.version, n.reason, n.error, n.event
ORDER BY page.age DESC, p.stream DESC;

-- name: count_parked
-- How many events are parked, by consumer and reason, and for how long the oldest of them, in microseconds.
SELECT consumer, reason, count(*)::bigint AS events,
       greatest(extract(epoch FROM :now::timestamptz - min(parked_at)) * 1000000, 0)::bigint AS oldest
FROM parked GROUP BY consumer, reason ORDER BY consumer, reason;

-- name: find_redrivable
-- The streams that a redrive would release, the longest waiting first.
SELECT stream, count(*)::bigint AS events FROM parked
WHERE consumer = :consumer AND (:streams_only::text[] IS NULL OR stream = ANY(:streams_only::text[]))
GROUP BY stream ORDER BY min(parked_at), stream LIMIT :most;

-- name: count_redrivable$
-- How many streams a redrive could release.
SELECT count(DISTINCT stream)::bigint FROM parked
WHERE consumer = :consumer AND (:streams_only::text[] IS NULL OR stream = ANY(:streams_only::text[]));

-- name: release_inbox!
-- Allow retries of these streams' next versions; their failures stay counted.
UPDATE inbox SET parked = false
WHERE consumer = :consumer AND stream = ANY(:released::text[]);

-- name: release_parked!
-- Schedule retries of these streams, so many per second.
UPDATE parked SET reason = CASE WHEN reason = 'unread' THEN reason ELSE 'gap' END,
    retry_at = :now::timestamptz + (array_position(:released::text[], stream) - 1) * interval '1 second' / :per_second::integer
WHERE consumer = :consumer AND stream = ANY(:released::text[]);

-- name: note_inboxes!
-- Create inbox rows for streams.
INSERT INTO inbox (consumer, stream)
SELECT :consumer, s.stream FROM jsonb_to_recordset(:streams::jsonb) AS s (stream text)
ON CONFLICT (consumer, stream) DO NOTHING;

-- name: forget_places!
-- Reset a projection's inbox for these streams, so that all their events are applied again.
UPDATE inbox i SET version = 0, attempts = 0, defects = 0, failing_since = NULL, parked = false
FROM jsonb_to_recordset(:streams::jsonb) AS s (stream text)
WHERE i.consumer = :consumer AND i.stream = s.stream;

-- name: page_consumed
-- A page of the streams that a consumer follows, after a given one.
SELECT stream FROM inbox WHERE consumer = :consumer AND stream > :after ORDER BY stream LIMIT :most;

-- name: find_applied$
-- A consumer's version of a stream.
SELECT version FROM inbox WHERE consumer = :consumer AND stream = :stream_id;

-- name: find_lacking
-- Those of these streams that a consumer has not fully applied.
SELECT s.stream, s.type, s.version
FROM jsonb_to_recordset(:streams::jsonb) AS s (stream text, type text, version bigint)
LEFT JOIN inbox i ON i.consumer = :consumer AND i.stream = s.stream
WHERE coalesce(i.version, 0) < s.version ORDER BY s.stream;

-- name: note_missing
-- Park placeholders for the missing events of these streams, which the worker reads from the source. Returns the streams.
INSERT INTO parked (consumer, stream, version, prior, reason, event, parked_at)
SELECT i.consumer, s.stream, s.version, s.version - 1, 'unread', jsonb_build_object('type', s.type), :at
FROM jsonb_to_recordset(:streams::jsonb) AS s (stream text, type text, version bigint)
JOIN inbox i ON i.consumer = :consumer AND i.stream = s.stream
WHERE i.version < s.version
ON CONFLICT (consumer, stream, version) DO NOTHING
RETURNING stream;

-- name: list_known
-- How far a consumer knows the streams of a cell, by what it has applied and what it has parked: a page by their names.
SELECT stream, max(version) AS version
FROM (
    SELECT stream, version FROM inbox WHERE consumer = :consumer AND stream > :after
    UNION ALL
    SELECT stream, version FROM parked WHERE consumer = :consumer AND stream > :after
) AS known
WHERE split_part(stream, '_', 2) = :cell GROUP BY stream ORDER BY stream LIMIT :most;

-- name: last_versions
-- How far the store has these streams.
SELECT stream, max(version) AS version FROM events WHERE stream = ANY(:streams::text[]) GROUP BY stream;

-- name: page_back
-- A page of events before a position, the newest first.
SELECT position, id, type, stream, version, recorded_at AS at, data, metadata_of(metadata, trace) AS metadata
FROM events WHERE position < :below ORDER BY position DESC LIMIT :most;

-- name: find_ids
-- Those of these events that the store has.
SELECT id FROM events WHERE (stream, version) IN (
    SELECT e.stream, e.version FROM jsonb_to_recordset(:events::jsonb) AS e (stream text, version bigint));

-- name: find_compared$
-- The position up to which a consumer was compared with a source.
SELECT position FROM compared WHERE consumer = :consumer AND source = :source;

-- name: note_compared!
-- Store the position up to which a consumer was compared with a source.
INSERT INTO compared (consumer, source, position) VALUES (:consumer, :source, :position)
ON CONFLICT (consumer, source) DO UPDATE SET position = greatest(compared.position, excluded.position);

-- name: note_level!
-- At this time a consumer had applied all that a source had committed.
INSERT INTO compared (consumer, source, position, level_at) VALUES (:consumer, :source, 0, :at)
ON CONFLICT (consumer, source) DO UPDATE SET level_at = greatest(compared.level_at, excluded.level_at);

-- name: find_levels
-- For how long, in microseconds, consumers may be behind the sources of other cells (<service>@<cell>), as far as known.
SELECT consumer, split_part(source, '@', 2) AS cell,
       (greatest(max(extract(epoch FROM :now::timestamptz - level_at)), 0) * 1000000)::bigint AS behind
FROM compared WHERE consumer = ANY(:consumers::text[]) AND level_at IS NOT NULL AND source LIKE '%@%'
GROUP BY consumer, cell ORDER BY consumer, cell;

-- name: find_places
-- A consumer's versions of several streams.
SELECT stream, version FROM inbox WHERE consumer = :consumer AND stream = ANY(:streams::text[]);
