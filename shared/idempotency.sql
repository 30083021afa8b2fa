-- name: claim_key$
-- Lock the idempotency key for this transaction; false if another one has it.
SELECT pg_try_advisory_xact_lock(hashtextextended(:scope, 0));

-- name: find_key^
-- What is stored under this key.
SELECT fingerprint, reference, request_id, lease_expires_at, status, body, tag
FROM idempotency_keys WHERE caller = :caller AND operation = :operation AND key = :key AND expires_at > :now;

-- name: answer_key!
-- Store a response in the transaction of its effect, replacing an expired one.
INSERT INTO idempotency_keys (caller, operation, key, fingerprint, request_id, status, body, tag, created_at, expires_at)
VALUES (:caller, :operation, :key, :fingerprint, :request_id, :status, :body, :tag, :now, :expires_at)
ON CONFLICT (caller, operation, key) DO UPDATE SET fingerprint = excluded.fingerprint, reference = NULL,
    request_id = excluded.request_id, lease_expires_at = NULL, status = excluded.status, body = excluded.body, tag = excluded.tag,
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE idempotency_keys.expires_at <= :now;

-- name: lease_key!
-- Lease the key for a saga, with the entity that it creates; 0 rows if another request was first.
INSERT INTO idempotency_keys
    (caller, operation, key, fingerprint, reference, request_id, lease_expires_at, created_at, expires_at)
VALUES (:caller, :operation, :key, :fingerprint, :reference, :request_id, :lease_expires_at, :now, :expires_at)
ON CONFLICT (caller, operation, key) DO UPDATE SET fingerprint = excluded.fingerprint, reference = excluded.reference,
    request_id = excluded.request_id, lease_expires_at = excluded.lease_expires_at, status = NULL, body = NULL, tag = NULL,
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE idempotency_keys.expires_at <= :now;

-- name: renew_lease!
-- Take over a saga whose lease has expired; 0 rows if another request was first.
UPDATE idempotency_keys SET lease_expires_at = :lease_expires_at, request_id = :request_id
WHERE reference = :reference AND status IS NULL AND lease_expires_at <= :now;

-- name: end_lease!
-- Release the lease, so that the same key can resume at once.
UPDATE idempotency_keys SET lease_expires_at = :now WHERE reference = :reference AND status IS NULL;

-- name: find_lease$
-- The id of the request that began a saga.
SELECT request_id FROM idempotency_keys WHERE reference = :reference;

-- name: answer_lease!
-- Store a saga's response in the transaction of its outcome.
UPDATE idempotency_keys SET status = :status, body = :body, tag = :tag, lease_expires_at = NULL
WHERE reference = :reference AND status IS NULL;

-- name: forget_keys!
-- Delete expired keys, the longest expired first, skipping locked ones.
DELETE FROM idempotency_keys WHERE (caller, operation, key) IN (
    SELECT caller, operation, key FROM idempotency_keys WHERE expires_at <= :now
    ORDER BY expires_at LIMIT :at_most FOR UPDATE SKIP LOCKED);
