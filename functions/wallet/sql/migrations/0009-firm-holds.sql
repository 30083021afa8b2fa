-- Somebody asks about firm holds too, now and then: their orders may have ended without anybody telling.
-- depends: 0008-deposits-in-turn

CREATE INDEX holds_due ON holds (next_check_at) WHERE status = 'placed';
DROP INDEX holds_expiring;
