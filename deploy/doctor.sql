-- What “homevitals doctor” asks PostgreSQL's catalogue. Any of our roles may ask all of it.

-- name: server
-- Version as a number (170010 for 17.10), who is connected, and the server's clock.
select current_setting('server_version_num')::integer as version, current_user::text as role, clock_timestamp() as at;

-- name: roles
-- Each of our roles with what it may do beyond its grants; the owner of the schemas owns, nobody else does, but for the
-- temporary table of a connection, through which ingest takes readings in.
select r.rolname::text as role,
       array_remove(array[
           case when r.rolsuper then 'is a superuser' end,
           case when r.rolbypassrls then 'may bypass row-level security' end,
           case when r.rolcreaterole then 'may create roles' end,
           case when r.rolcreatedb then 'may create databases' end,
           case when r.rolreplication then 'may replicate' end,
           case when exists (select from pg_auth_members m where m.member = r.oid) then 'is a member of another role' end,
           case when r.rolname <> %(owner)s and (
                    exists (select from pg_class c where c.relowner = r.oid and c.relpersistence <> 't')
                    or exists (select from pg_namespace n where n.nspowner = r.oid)
                    or exists (select from pg_proc p where p.proowner = r.oid)
                    or exists (select from pg_database d where d.datdba = r.oid))
                then 'owns something' end], null) as faults
from pg_roles r
where starts_with(r.rolname, 'homevitals_')
order by 1;

-- name: unwalled
-- Tables and views that one of our services could read or write past the walls: with a practice, granted to somebody, and
-- neither behind forced row-level security nor (a view) asked with the caller's rights or behind a barrier.
select n.nspname || '.' || c.relname as relation
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and exists (select from pg_attribute a
              where a.attrelid = c.oid and a.attname = 'practice_id' and not a.attisdropped)
  and exists (select from pg_roles r
              where starts_with(r.rolname, 'homevitals_') and r.oid <> c.relowner
                and (has_table_privilege(r.oid, c.oid, 'insert, update, delete, truncate')
                     or has_any_column_privilege(r.oid, c.oid, 'select, insert, update')))
  and not case
      when c.relkind in ('r', 'p') then c.relrowsecurity and c.relforcerowsecurity
      when c.relkind = 'v' then coalesce(c.reloptions, '{}') && array['security_invoker=true', 'security_barrier=true']
      else false end
order by 1;
