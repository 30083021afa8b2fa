-- Items of jobs that failed: which, how often, when each is tried again, and what went wrong the last time.
-- depends: 0001-event-store

CREATE TABLE job_failures (
    job             text        NOT NULL,
    item            text        NOT NULL,
    attempts        integer     NOT NULL CHECK (attempts > 0),
    next_try_at     timestamptz NOT NULL,
    detail          text        NOT NULL,
    first_failed_at timestamptz NOT NULL,
    PRIMARY KEY (job, item)
);

DO $$
DECLARE
    service text := quote_ident(replace(current_user, '_owner', ''));
BEGIN
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON job_failures TO ' || service;
END
$$;
