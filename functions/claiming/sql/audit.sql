-- name: claims_are_handed_out_once
-- A claim has a voucher exactly when its stream tells of one, once.
SELECT c.id AS subject, c.status || ', told ' || count(e.id) || ' times' AS detail
FROM claims c LEFT JOIN events e ON e.stream = c.id AND e.type = 'claim.claimed'
GROUP BY c.id, c.status HAVING count(e.id) <> CASE WHEN c.status IN ('open', 'voided') THEN 0 ELSE 1 END;
