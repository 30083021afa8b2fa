-- name: wait_for_turn$
-- Wait until no other session on this database changes roles or schemas; ends with the session.
SELECT pg_advisory_lock(:key)::text;

-- name: has_role$
-- Whether a role exists.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role);

-- name: list_members
-- The members of a role, but for those who may grant it.
SELECT member.rolname AS name
FROM pg_auth_members
JOIN pg_roles AS member ON member.oid = pg_auth_members.member
JOIN pg_roles AS granted ON granted.oid = pg_auth_members.roleid
WHERE granted.rolname = :role AND NOT pg_auth_members.admin_option;

-- name: read_owner$
-- The role that owns a database.
SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = :database;
