-- Somebody asks about firm reservations too, now and then: their orders may have ended without anybody telling.
-- depends: 0003-assets

CREATE INDEX reservations_due ON reservations (next_check_at) WHERE status = 'reserved';
DROP INDEX reservations_expiring;
