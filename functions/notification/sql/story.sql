-- What the notification service tells operators about an order.

-- name: deliveries
-- The deliveries of its events to its buyer's and its merchant's webhooks, as far as they are kept.
SELECT d.webhook_id, d.id, d.event_id, d.event_type, d.status, d.attempts,
    coalesce(d.response_status, 0) AS response_status, d.error, d.created_at
FROM webhooks w JOIN deliveries d ON d.webhook_id = w.id AND d.event_id = ANY(:event_ids::text[])
WHERE w.user_id = ANY(:user_ids::text[]) ORDER BY d.created_at, d.id;
