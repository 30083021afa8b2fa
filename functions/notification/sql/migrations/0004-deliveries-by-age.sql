-- Deliveries of events from several cells are listed by age: their ids name the event's cell before the ULID.
-- depends: 0003-attempts

CREATE INDEX deliveries_by_age ON deliveries (webhook_id, right(id, 26), id);
