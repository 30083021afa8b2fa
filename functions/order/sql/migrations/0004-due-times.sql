-- Somebody looks after orders too that wait to be told of a payment or a claim.
-- depends: 0003-used-quotes

UPDATE orders SET due_at = now() WHERE stage IN ('confirmed', 'promised') AND due_at IS NULL;
