-- name: next_versions$
-- Take the next versions of the stream to another cell, as the last of them; its row is locked until the commit.
INSERT INTO transit_streams AS s (receiver, version) VALUES (:receiver, :count)
ON CONFLICT (receiver) DO UPDATE SET version = s.version + excluded.version
RETURNING version;

-- name: last_arrival$
-- The last version that has arrived from a cell; 0 for none.
SELECT coalesce(max(version), 0) FROM transit_arrivals WHERE giver = :giver;

-- name: insert_arrival!
-- A movement has arrived; it is not credited yet.
INSERT INTO transit_arrivals (giver, version, transfer_id, kind, currency, amount, from_wallet_id, from_user_id,
    to_wallet_id, to_user_id, order_id, reference, status, received_at)
VALUES (:giver, :version, :transfer_id, :kind, :currency, :amount, :from_wallet_id, :from_user_id,
    :to_wallet_id, :to_user_id, :order_id, :reference, 'uncredited', :at);

-- name: mark_credited!
-- An arrival was credited by a transfer; 0 rows if it was before.
UPDATE transit_arrivals SET status = 'credited', credited_transfer = :credited_transfer, credited_at = :at
WHERE giver = :giver AND version = :version AND status = 'uncredited';

-- name: lock_uncredited^
-- An arrival that is not credited yet, locked.
SELECT * FROM transit_arrivals WHERE giver = :giver AND version = :version AND status = 'uncredited' FOR UPDATE;

-- name: find_uncredited
-- Arrivals that are not credited yet, without those that back off, those that have waited longest first.
SELECT giver, version FROM transit_arrivals a
WHERE status = 'uncredited' AND NOT EXISTS (
    SELECT FROM job_failures f
    WHERE f.job = 'credit_transits' AND f.item = a.giver || ' ' || a.version AND f.next_try_at > :now)
ORDER BY received_at, giver, version LIMIT :most;

-- name: arrived_through
-- The cells from which something had arrived, by a past time or now, and up to which version.
SELECT giver, max(version) AS version FROM transit_arrivals
WHERE :at::timestamptz IS NULL OR received_at <= :at GROUP BY giver ORDER BY giver;

-- name: sum_sent^
-- What was sent to a cell up to a version of the stream, condensed as in sum_arrived.
SELECT count(*) AS movements, coalesce(sum(('x' || left(md5(concat_ws('|', version, data ->> 'transfer_id',
    data ->> 'currency', data ->> 'amount', data ->> 'to_wallet_id')), 15))::bit(60)::bigint), 0)::text AS digest
FROM events WHERE stream = :stream_id AND type = 'transit.sent' AND version <= :through;

-- name: sum_arrived^
-- What has arrived from a cell up to a version of the stream, condensed as in sum_sent.
SELECT count(*) AS movements, coalesce(sum(('x' || left(md5(concat_ws('|', version, transfer_id,
    currency, amount, to_wallet_id)), 15))::bit(60)::bigint), 0)::text AS digest
FROM transit_arrivals WHERE giver = :giver AND version <= :through;
