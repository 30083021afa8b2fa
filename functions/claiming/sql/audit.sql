-- name: claims_are_handed_out_once
-- A claim has a voucher exactly when its stream has one claim.claimed event.
SELECT c.id AS subject, c.status || ', told ' || count(e.id) || ' times' AS detail
FROM claims c LEFT JOIN events e ON e.stream = c.id AND e.type = 'claim.claimed'
GROUP BY c.id, c.status HAVING count(e.id) <> CASE WHEN c.status IN ('open', 'voided') THEN 0 ELSE 1 END;

-- name: orders_have_one_claim
-- An order has one claim at most, whose id is the order's ULID under another prefix.
SELECT c.order_id AS subject, count(*) || ' claims, of which one is ' || min(c.id) AS detail FROM claims c
GROUP BY c.order_id HAVING count(*) > 1 OR substr(min(c.id), 4) <> substr(c.order_id, 4);

-- name: claims_are_what_was_told
-- A claim's status agrees with its last event, except after a redemption was undone or is retried.
SELECT c.id AS subject, c.status || ', but told ' || coalesce(told.type, 'nothing') AS detail
FROM claims c
LEFT JOIN LATERAL (SELECT type FROM events e WHERE e.stream = c.id ORDER BY version DESC LIMIT 1) told ON true
WHERE NOT coalesce(told.type, '') = ANY (CASE c.status
    WHEN 'open' THEN ARRAY['claim.opened']
    WHEN 'voided' THEN ARRAY['claim.voided']
    WHEN 'processed' THEN ARRAY['claim.processed']
    WHEN 'failed' THEN ARRAY['claim.failed']
    ELSE ARRAY['claim.claimed', 'claim.failed', 'claim.processed'] END);

-- name: processed_claims_have_a_transaction
-- Processed claims have a transaction, a block and a time; no others have.
SELECT c.id AS subject, c.status || ' in ' || coalesce(c.transaction_hash, 'no transaction') AS detail FROM claims c
WHERE num_nonnulls(c.transaction_hash, c.block_number, c.block_hash, c.processed_at)
    <> CASE WHEN c.status = 'processed' THEN 4 ELSE 0 END;

-- name: vouchers_are_of_what_is_claimed
-- Claims have a voucher, a recipient and a deadline, except open and voided ones, which have none of these.
SELECT c.id AS subject, c.status AS detail FROM claims c
WHERE num_nonnulls(c.voucher, c.recipient, c.deadline, c.claimed_at)
    <> CASE WHEN c.status IN ('open', 'voided') THEN 0 ELSE 4 END;

-- name: attempts_are_awaited_or_due
-- Processing claims have a transaction in flight or a time of the next attempt; nonces have no gaps.
SELECT c.id AS subject, 'neither sent nor due after ' || c.attempts || ' attempts' AS detail
FROM claims c LEFT JOIN sendings s ON s.subject = c.id || ' ' || c.attempts AND s.status = 'pending'
WHERE c.status = 'processing' AND c.due_at IS NULL AND s.subject IS NULL
UNION ALL
SELECT sender, 'nonces ' || min(nonce) || ' to ' || max(nonce) || ', of which there are ' || count(*) FROM sendings
GROUP BY chain_id, sender HAVING max(nonce) - min(nonce) + 1 <> count(*);

-- name: vouchers_say_what_is_claimed
-- A voucher contains its claim's recipient, items, nonce and deadline. The recipient of a processed claim is the one
-- that the contract delivered to, which may be that of an earlier voucher.
SELECT c.id AS subject, 'signed for ' || (c.voucher::jsonb -> 'message' ->> 'recipient') || ': '
       || (c.voucher::jsonb -> 'message' -> 'items') AS detail
FROM claims c
WHERE c.voucher IS NOT NULL
  AND c.voucher::jsonb -> 'message' IS DISTINCT FROM jsonb_build_object(
      'claimId', '0x' || encode(c.key, 'hex'),
      'orderId', c.voucher::jsonb -> 'message' -> 'orderId',  -- a hash that SQL does not know
      'recipient', CASE WHEN c.status = 'processed' THEN c.voucher::jsonb -> 'message' ->> 'recipient' ELSE c.recipient END,
      'items', (SELECT jsonb_agg(jsonb_build_object('asset', i.item -> 'contract', 'tokenId', i.item -> 'token_id',
                                                    'quantity', i.item ->> 'quantity') ORDER BY i.place)
                FROM jsonb_array_elements(c.items) WITH ORDINALITY AS i (item, place)),
      'nonce', c.nonce::text,
      'deadline', floor(extract(epoch FROM c.deadline))::bigint::text);

-- name: claims_do_not_wait
-- On the relayer's chain no claim is overdue for its next attempt by more than an hour.
SELECT id AS subject, status || ', due ' || due_at AS detail
FROM claims
WHERE chain_id = :redeems_on AND status IN ('claimed', 'processing') AND due_at < :now::timestamptz - interval '1 hour';

-- name: transactions_do_not_wait
-- None of the relayer's transactions waits for an hour to be mined.
SELECT s.subject, s.purpose || ', signed ' || min(t.signed_at) AS detail
FROM sendings s JOIN signed_transactions t ON (t.chain_id, t.sender, t.nonce) = (s.chain_id, s.sender, s.nonce)
WHERE s.status = 'pending'
GROUP BY s.chain_id, s.sender, s.nonce HAVING min(t.signed_at) < :now::timestamptz - interval '1 hour';
