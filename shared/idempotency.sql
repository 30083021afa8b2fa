-- name: claim_key$
-- Whether no other transaction is at work under this idempotency key.
SELECT pg_try_advisory_xact_lock(hashtextextended(:scope, 0));

-- name: find_key^
-- What is known of a request with this key.
SELECT fingerprint, reference, request_id, lease_expires_at, status, body, tag
FROM idempotency_keys WHERE caller = :caller AND operation = :operation AND key = :key AND expires_at > :now;

-- name: answer_key!
-- Keep an answer beside its effect, in place of one that has outlived its time.
INSERT INTO idempotency_keys (caller, operation, key, fingerprint, request_id, status, body, tag, created_at, expires_at)
VALUES (:caller, :operation, :key, :fingerprint, :request_id, :status, :body, :tag, :now, :expires_at)
ON CONFLICT (caller, operation, key) DO UPDATE SET fingerprint = excluded.fingerprint, reference = NULL,
    request_id = excluded.request_id, lease_expires_at = NULL, status = excluded.status, body = excluded.body, tag = excluded.tag,
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE idempotency_keys.expires_at <= :now;

-- name: lease_key!
-- Take the key for a saga, together with the thing that it begins; 0 rows when another request was first.
INSERT INTO idempotency_keys
    (caller, operation, key, fingerprint, reference, request_id, lease_expires_at, created_at, expires_at)
VALUES (:caller, :operation, :key, :fingerprint, :reference, :request_id, :lease_expires_at, :now, :expires_at)
ON CONFLICT (caller, operation, key) DO UPDATE SET fingerprint = excluded.fingerprint, reference = excluded.reference,
    request_id = excluded.request_id, lease_expires_at = excluded.lease_expires_at, status = NULL, body = NULL, tag = NULL,
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE idempotency_keys.expires_at <= :now;

-- name: renew_lease!
-- Take over a saga whose holder's lease has run out, and be the request that is answered; 0 rows when another was first.
UPDATE idempotency_keys SET lease_expires_at = :lease_expires_at, request_id = :request_id
WHERE reference = :reference AND status IS NULL AND lease_expires_at <= :now;

-- name: end_lease!
-- Let the same key resume at once.
UPDATE idempotency_keys SET lease_expires_at = :now WHERE reference = :reference AND status IS NULL;

-- name: find_lease$
-- The request that began a saga.
SELECT request_id FROM idempotency_keys WHERE reference = :reference;

-- name: answer_lease!
-- Keep a saga's answer beside its outcome, whoever commits it.
UPDATE idempotency_keys SET status = :status, body = :body, tag = :tag, lease_expires_at = NULL
WHERE reference = :reference AND status IS NULL;

-- name: forget_keys!
-- Keys that are past their time, those first that have been for longest; one that is in use at this moment waits.
DELETE FROM idempotency_keys WHERE (caller, operation, key) IN (
    SELECT caller, operation, key FROM idempotency_keys WHERE expires_at <= :now
    ORDER BY expires_at LIMIT :at_most FOR UPDATE SKIP LOCKED);
