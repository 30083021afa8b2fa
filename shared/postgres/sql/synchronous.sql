-- name: read_chosen$
-- The setting, as this session knows it.
SELECT current_setting('synchronous_standby_names');

-- name: read_places^
-- At which place of the setting the senders to each connected standby have it: 0 if nowhere. A broken connection is listed
-- until it times out, so there may be several to one.
SELECT coalesce(array_agg(name), '{}') AS names, coalesce(array_agg(lowest), '{}') AS lowest,
       coalesce(array_agg(highest), '{}') AS highest
FROM (SELECT application_name AS name, min(sync_priority) AS lowest, max(sync_priority) AS highest
      FROM pg_stat_replication GROUP BY application_name) AS senders;

-- name: is_waiting$
-- Whether a session's commit waits for a standby.
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = :session AND wait_event = 'SyncRep');

-- name: cancel$
-- End what a session waits for.
SELECT pg_cancel_backend(:session);

-- name: reload$
-- Have all processes of the server read its settings.
SELECT pg_reload_conf();
