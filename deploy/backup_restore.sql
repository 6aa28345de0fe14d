-- Statements of putting a backup into an empty database, as a superuser.

-- name: occupants
-- How much stands in a database that should be empty. What PostgreSQL itself brings has numbers below 16384.
select (select count(*) from pg_class where oid >= 16384) + (select count(*) from pg_type where oid >= 16384)
     + (select count(*) from pg_proc where oid >= 16384) + (select count(*) from pg_extension where oid >= 16384)
     + (select count(*) from pg_namespace where oid >= 16384 and not starts_with(nspname, 'pg_')) as count;

-- name: missing_roles
-- Which of these roles the server does not have.
select wanted.role
from unnest(%(roles)s::text[]) as wanted (role)
where not exists (select from pg_roles r where r.rolname = wanted.role)
order by 1;

-- name: has_extension_version
-- Whether the server can install exactly this version of an extension.
select exists (select from pg_available_extension_versions where name = %(name)s and version = %(version)s) as has;

-- name: connection_limit
-- How many connections the database allows; -1 for any number.
select datconnlimit as connections from pg_database where datname = current_database();

-- name: limit_connections
-- Superusers are not held back by it, so 0 keeps every service out and lets the restore in.
alter database {database} connection limit {connections};

-- name: say_unfinished
-- For whoever looks at the databases of the server.
comment on database {database} is 'homevitals: restore not finished or not verified; services are kept out; drop it';

-- name: say_nothing
-- It is finished.
comment on database {database} is null;

-- name: give_to_owner
-- As “homevitals migrate” expects it.
alter database {database} owner to {owner};

-- name: add_timescaledb
-- In the version that wrote the backup: its catalogue is part of the dump.
create extension timescaledb version {version};

-- name: before_timescaledb
-- The extension leaves its tables alone and starts no job.
select timescaledb_pre_restore();

-- name: after_timescaledb
-- The extension works again, and its jobs run.
select timescaledb_post_restore();

-- name: see_hypertables
-- While the database still says that it is being restored: this connection sees hypertables as what they are.
select set_config('timescaledb.restoring', 'off', false);

-- name: count_rows_anew
-- A dump holds no statistics; without them the first queries would be planned blindly.
analyze;

-- name: create_scratch
-- A database for a while, for nobody but the one who checks.
create database {database} template template0 encoding 'UTF8' connection limit 0;

-- name: drop_scratch
-- With everything in it.
drop database if exists {database} with (force);
