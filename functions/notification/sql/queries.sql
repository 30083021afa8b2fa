-- name: record_notices!
-- Notify users of an event: assign positions to new items, update existing ones in place, hide those no longer for the
-- user, and queue deliveries to subscribed webhooks. Items and deliveries that exist are not added twice.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(:notices::jsonb)
        AS n (user_id text, data jsonb, in_feed boolean, body text)
), hidden AS (
    UPDATE activity a SET type = '', data = '{}', revision = greatest(:revision, a.revision + 1)
    WHERE a.stream = :stream_id AND a.version = :version AND a.type <> ''
      AND NOT EXISTS (SELECT FROM given g WHERE g.in_feed AND g.user_id = a.user_id)
), made_anew AS (
    UPDATE activity a SET event_id = :event_id, type = :event_type, data = g.data, at = :at,
        revision = greatest(:revision, a.revision + 1)
    FROM given g
    WHERE g.in_feed AND a.stream = :stream_id AND a.version = :version AND a.user_id = g.user_id
), placed AS (
    INSERT INTO feeds AS f (user_id, last)
    SELECT g.user_id, 1 FROM given g
    WHERE g.in_feed AND NOT EXISTS (
        SELECT FROM activity a WHERE a.stream = :stream_id AND a.version = :version AND a.user_id = g.user_id)
    ORDER BY g.user_id
    ON CONFLICT (user_id) DO UPDATE SET last = f.last + 1
    RETURNING f.user_id, f.last
), listed AS (
    INSERT INTO activity (user_id, position, stream, version, event_id, type, data, at, revision)
    SELECT p.user_id, p.last, :stream_id, :version, :event_id, :event_type, g.data, :at, :revision
    FROM placed p JOIN given g ON g.user_id = p.user_id
)
INSERT INTO deliveries (webhook_id, id, event_id, event_type, body, traceparent, due_at, created_at, expires_at)
SELECT w.id, :delivery_id, :event_id, :event_type, g.body, :traceparent, :now, :now, :expires_at
FROM given g
JOIN webhooks w ON w.user_id = g.user_id AND w.status = 'enabled' AND :event_type = ANY (w.events)
WHERE :at >= w.listens_since AND :at > :since
ON CONFLICT DO NOTHING;

-- name: list_unpublished
-- Items not yet in Firestore in their present revision, except for those that back off; each feed's first before any
-- feed's second, and each feed in order.
SELECT a.user_id, a.position, a.revision, a.type, a.event_id AS id, a.stream AS subject, a.version, a.data, a.at
FROM (
    SELECT u.user_id, u.position, row_number() OVER (PARTITION BY u.user_id ORDER BY u.position) AS turn
    FROM (SELECT DISTINCT user_id, position FROM unpublished) u
    WHERE NOT EXISTS (
        SELECT FROM job_failures f
        WHERE f.job = 'publish_activity' AND f.item = u.user_id || ' ' || u.position AND f.next_try_at > :now)
    ORDER BY turn, u.user_id LIMIT :most
) n JOIN activity a ON a.user_id = n.user_id AND a.position = n.position
ORDER BY n.turn, n.user_id;

-- name: mark_published!
-- Mark items published in these revisions; an item updated meanwhile has to be written again.
DELETE FROM unpublished u
USING jsonb_to_recordset(:placed::jsonb) AS p (user_id text, position bigint, revision bigint)
WHERE u.user_id = p.user_id AND u.position = p.position AND u.revision <= p.revision;

-- name: list_published
-- Published items, after a given one.
SELECT user_id, position, revision, type, event_id AS id, stream AS subject, version, data, at
FROM activity a
WHERE NOT EXISTS (SELECT FROM unpublished u WHERE u.user_id = a.user_id AND u.position = a.position)
  AND (user_id, position) > (:after_user, :after_position)
ORDER BY user_id, position LIMIT :most;

-- name: lock_owner!
-- One request at a time counts and creates a user's webhooks. A separate statement, since one that also counted would see
-- the state from before it waited for the lock.
SELECT pg_advisory_xact_lock(hashtextextended('webhooks of ' || :user_id, 0));

-- name: count_webhooks$
-- How many webhooks a user has.
SELECT count(*) FROM webhooks WHERE user_id = :user_id;

-- name: make_webhook!
-- A new webhook.
INSERT INTO webhooks (id, user_id, url, events, status, secret, listens_since, created_at, updated_at)
VALUES (:id, :user_id, :url, :events::text[], 'enabled', :secret, :at, :at, :at);

-- name: find_webhook^
-- A webhook by id.
SELECT * FROM webhooks WHERE id = :id;

-- name: lock_webhook^
-- A webhook by id, locked.
SELECT * FROM webhooks WHERE id = :id FOR UPDATE;

-- name: list_webhooks
-- A user's webhooks, newest first, beyond one already shown.
SELECT * FROM webhooks WHERE user_id = :user_id AND (:after::text IS NULL OR id < :after) ORDER BY id DESC LIMIT :most;

-- name: browse_webhooks
-- All webhooks or one, of one user or of all, newest first, beyond one already shown.
-- For operators; an owner's list is a query of its own, which an index serves.
SELECT * FROM webhooks
WHERE (:id::text IS NULL OR id = :id) AND (:user_id::text IS NULL OR user_id = :user_id)
  AND (:after::text IS NULL OR id < :after)
ORDER BY id DESC LIMIT :most;

-- name: save_webhook!
-- Save a webhook's state.
UPDATE webhooks SET status = :status, reason = :reason, trusted = :trusted, failures = :failures,
    failing_since = :failing_since, rests_until = :rests_until, disablings = :disablings,
    listens_since = :listens_since, updated_at = :updated_at
WHERE id = :id;

-- name: rotate_secret!
-- Replace a webhook's secret; the previous one signs too until a time.
UPDATE webhooks SET previous_secret = secret, previous_until = :until, secret = :secret, updated_at = :at
WHERE id = :id;

-- name: delete_webhook!
-- Delete a webhook with its deliveries.
DELETE FROM webhooks WHERE id = :id;

-- name: make_delivery!
-- A delivery to one webhook.
INSERT INTO deliveries (webhook_id, id, event_id, event_type, body, due_at, created_at, expires_at)
VALUES (:webhook_id, :id, :event_id, :event_type, :body, :at, :at, :expires_at);

-- name: lock_delivery^
-- A delivery, locked.
SELECT * FROM deliveries WHERE webhook_id = :webhook_id AND id = :id FOR UPDATE;

-- name: list_deliveries
-- A webhook's deliveries, newest first, beyond one already shown. They are of events of several cells.
SELECT * FROM deliveries
WHERE webhook_id = :webhook_id AND (:status::text IS NULL OR status = :status)
  AND (:after::text IS NULL OR (right(id, 26), id) < (right(:after, 26), :after))
ORDER BY right(id, 26) DESC, id DESC LIMIT :most;

-- name: lock_taking!
-- One run at a time takes deliveries. A separate statement, since one that also took them would count those in flight
-- before it waited for the lock, and concurrent runs would exceed the limit for an address.
SELECT pg_advisory_xact_lock(hashtextextended('deliveries are taken', 0));

-- name: take_deliveries
-- Lease due deliveries until a time, a limited number for each address, addresses with the fewest in flight first.
-- Trusted addresses and others are taken separately. A delivery that failed in this job does not count as in flight.
WITH busy AS (
    SELECT webhook_id, count(*) AS taken FROM deliveries d
    WHERE taken_until > :now AND NOT EXISTS (
        SELECT FROM job_failures f WHERE f.job = 'send_deliveries' AND f.item = d.webhook_id || ' ' || d.id)
    GROUP BY webhook_id
), waiting AS (
    SELECT n.webhook_id, n.id, n.due_at, coalesce(b.taken, 0) AS taken
    FROM webhooks w
    LEFT JOIN busy b ON b.webhook_id = w.id
    CROSS JOIN LATERAL (
        SELECT d.webhook_id, d.id, d.due_at FROM deliveries d
        WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.due_at <= :now
          AND (d.taken_until IS NULL OR d.taken_until <= :now)
          AND NOT EXISTS (
            SELECT FROM job_failures f
            WHERE f.job = 'send_deliveries' AND f.item = d.webhook_id || ' ' || d.id AND f.next_try_at > :now)
        ORDER BY d.due_at, d.id LIMIT greatest(0, :each_most - coalesce(b.taken, 0)) FOR UPDATE SKIP LOCKED
    ) n
    WHERE w.status = 'enabled' AND w.trusted = :trusted AND (w.rests_until IS NULL OR w.rests_until <= :now)
), chosen AS (
    SELECT webhook_id, id FROM waiting
    ORDER BY taken + row_number() OVER (PARTITION BY webhook_id ORDER BY due_at, id), due_at, id LIMIT :most
)
UPDATE deliveries d SET taken_until = :until
FROM chosen c JOIN webhooks w ON w.id = c.webhook_id
WHERE d.webhook_id = c.webhook_id AND d.id = c.id
RETURNING d.*, w.url, w.secret, CASE WHEN w.previous_until > :now THEN w.previous_secret END AS previous_secret;

-- name: save_delivery!
-- Save a delivery's state, unless its lease has passed to somebody else.
UPDATE deliveries SET status = :status, attempts = :attempts, failures = :failures, due_at = :due_at,
    attempted_at = :attempted_at, response_status = :response_status, error = :error, expires_at = :expires_at,
    tried = :tried::jsonb, taken_until = NULL
WHERE webhook_id = :webhook_id AND id = :id AND taken_until = :taken_until;

-- name: redeliver!
-- Reset a delivery to be sent again, whatever its state; the result of an attempt in flight is discarded.
UPDATE deliveries SET status = 'pending', failures = 0, due_at = :due_at, expires_at = :expires_at, taken_until = NULL
WHERE webhook_id = :webhook_id AND id = :id;

-- name: give_up!
-- Fail the pending deliveries of a webhook.
UPDATE deliveries SET status = 'failed', due_at = NULL, taken_until = NULL, error = :error
WHERE webhook_id = :webhook_id AND status = 'pending';

-- name: purge_deliveries!
-- Delete ended deliveries that were created before a time.
DELETE FROM deliveries WHERE (webhook_id, id) IN (
    SELECT webhook_id, id FROM deliveries WHERE created_at < :before AND status <> 'pending'
    ORDER BY created_at LIMIT :most);
