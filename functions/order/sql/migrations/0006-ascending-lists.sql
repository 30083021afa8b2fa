-- Lists by buyer and merchant ascend: new orders then come at an end, where a page that is full stays full.
-- depends: 0005-kept-events

-- Read backwards they are as good. Descending, each new order came first of its buyer's and its merchant's, and every split left two
-- pages half empty, one of them anew in the WAL.
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_of_merchant ON orders (merchant_id, id);
DROP INDEX orders_by_user;
DROP INDEX orders_by_merchant;
