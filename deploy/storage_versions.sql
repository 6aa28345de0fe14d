-- Versions of what readings are stored in.

-- name: versions
-- PostgreSQL's as a number (170010 for 17.10); TimescaleDB's and its edition, null where the database has no extension.
select current_setting('server_version_num')::integer as postgresql,
       (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,
       current_setting('timescaledb.license', true) as edition;
