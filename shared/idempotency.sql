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

-- name: lease_keys
-- Lease keys for sagas, each with the entity that it creates; returns the references of those that no request had before.
INSERT INTO idempotency_keys
    (caller, operation, key, fingerprint, reference, request_id, lease_expires_at, created_at, expires_at)
SELECT caller, operation, key, fingerprint, reference, request_id, :lease_expires_at, :now, :expires_at
FROM jsonb_to_recordset(:leases::jsonb)
    AS l (caller text, operation text, key text, fingerprint text, reference text, request_id text)
ORDER BY caller, operation, key
ON CONFLICT (caller, operation, key) DO UPDATE SET fingerprint = excluded.fingerprint, reference = excluded.reference,
    request_id = excluded.request_id, lease_expires_at = excluded.lease_expires_at, status = NULL, body = NULL, tag = NULL,
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE idempotency_keys.expires_at <= :now
RETURNING reference;

-- name: renew_lease!
-- Take over a saga whose lease has expired; 0 rows if another request was first.
UPDATE idempotency_keys SET lease_expires_at = :lease_expires_at, request_id = :request_id
WHERE reference = :reference AND status IS NULL AND lease_expires_at <= :now;

-- name: end_lease!
-- Release the lease, so that the same key can resume at once.
UPDATE idempotency_keys SET lease_expires_at = :now WHERE reference = :reference AND status IS NULL;

-- name: find_leases
-- The ids of the requests that began sagas.
SELECT reference, request_id FROM idempotency_keys WHERE reference = ANY(:references::text[]);

-- name: answer_leases!
-- Store the responses of sagas in the transaction of their outcome.
UPDATE idempotency_keys k SET status = a.status, body = a.body, tag = a.tag, lease_expires_at = NULL
FROM jsonb_to_recordset(:answers::jsonb) AS a (reference text, status integer, body text, tag text)
WHERE k.reference = a.reference AND k.status IS NULL;

-- name: forget_keys!
-- Delete expired keys, the longest expired first, skipping locked ones.
DELETE FROM idempotency_keys WHERE (caller, operation, key) IN (
    SELECT caller, operation, key FROM idempotency_keys WHERE expires_at <= :now
    ORDER BY expires_at LIMIT :at_most FOR UPDATE SKIP LOCKED);
