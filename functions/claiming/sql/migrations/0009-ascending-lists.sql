-- Lists by user ascend: new claims then come at an end, where a page that is full stays full (see the order service's).
-- depends: 0008-kept-events

CREATE INDEX claims_of_user ON claims (user_id, id);
DROP INDEX claims_by_user;
