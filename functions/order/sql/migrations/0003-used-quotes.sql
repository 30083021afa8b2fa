-- Quotes are used once: whichever order is placed first.
-- depends: 0002-order

CREATE TABLE used_quotes (
    quote_id text        PRIMARY KEY,
    order_id text        NOT NULL UNIQUE,
    used_at  timestamptz NOT NULL
);

GRANT SELECT, INSERT ON used_quotes TO "order";
