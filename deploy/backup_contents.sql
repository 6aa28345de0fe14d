-- What a backup knows of the database that it was taken from, and a restored copy is held against.

-- name: connected
-- Who is connected to what: the server's version as a number (170010 for 17.10), and whether walls hold this role back.
select current_setting('server_version_num')::integer as server_version, d.datname::text as database,
       r.rolname::text as role, r.rolsuper as is_superuser, r.rolsuper or r.rolbypassrls as reads_past_walls,
       clock_timestamp() as at
from pg_roles r, pg_database d
where r.rolname = current_user and d.datname = current_database();

-- name: extensions
-- Extensions with their versions.
select extname::text as name, extversion as version from pg_extension order by extname;

-- name: tables
-- Every table that holds something of ours, each with the column by whose months it is divided, if it is. Partitions count
-- with the table that they are of. Of TimescaleDB's own tables only those in which continuous aggregates are kept.
select n.nspname::text as schema, c.relname::text as name, a.attname::text as divided_by
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_partitioned_table p on p.partrelid = c.oid and p.partstrat = 'r'
left join pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0] and a.atttypid = 'timestamptz'::regtype
where c.relkind in ('r', 'p') and c.relpersistence = 'p'
  and not exists (select from pg_inherits i where i.inhrelid = c.oid)
  and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
  and n.nspname not in ('pg_catalog', 'information_schema')
  and (not starts_with(n.nspname, '_timescaledb_')
       or n.nspname = '_timescaledb_internal' and starts_with(c.relname, '_materialized_hypertable_'))
order by 1, 2;

-- name: hypertables
-- The column by which each hypertable is divided; only where the extension is.
select hypertable_schema::text as schema, hypertable_name::text as name, column_name::text as divided_by
from timescaledb_information.dimensions
where dimension_number = 1 and column_type = 'timestamptz'::regtype;

-- name: hold
-- Nobody drops, truncates or packs away a table while it is dumped: none of that is held back by a snapshot.
lock table {table} in access share mode;

-- name: one_view
-- One view of all tables from now on, and no writing.
set transaction isolation level repeatable read, read only;

-- name: settle
-- A wall that would filter is an error instead; values have one text whatever the server is set to.
select set_config('row_security', 'off', true), set_config('search_path', 'pg_catalog', true),
       set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true),
       set_config('intervalstyle', 'postgres', true), set_config('bytea_output', 'hex', true),
       set_config('extra_float_digits', '1', true);

-- name: export_snapshot
-- The name under which another connection sees exactly what this transaction sees.
select pg_export_snapshot() as snapshot;

-- name: content
-- Rows and content of a table, of each month where it is divided. The sums are over two halves of each row's SHA-256: the
-- order does not matter, and a row that is there twice counts twice.
select to_char(at at time zone 'UTC', 'YYYY-MM') as month, count(*) as rows,
       sum(('x' || substr(sha256, 1, 16))::bit(64)::bigint)::text as high,
       sum(('x' || substr(sha256, 17, 16))::bit(64)::bigint)::text as low
from (select {column} as at, encode(sha256(convert_to(row_of::text, 'UTF8')), 'hex') as sha256
      from {table} as row_of) as hashed
group by 1
order by 1;

-- name: sequences
-- How far the sequences have counted.
select format('%I.%I', schemaname, sequencename) as name, last_value as position
from pg_sequences
where last_value is not null and not starts_with(schemaname, '_timescaledb_')
order by 1;

-- name: migrations
-- Which migrations made this database.
select package || '/' || name || ' ' || encode(sha256, 'hex') as migration from public.homevitals_migration order by 1;

-- name: roles
-- Roles that own something here or were given a right; they have to be there before it is restored.
with ours as (
    select c.relowner as owner, c.relacl as acl, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and not starts_with(n.nspname, '_timescaledb_')
      and not starts_with(n.nspname, 'pg_') and not starts_with(n.nspname, 'timescaledb_')
    union all
    select p.proowner, p.proacl, p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and not starts_with(n.nspname, '_timescaledb_')
      and not starts_with(n.nspname, 'timescaledb_')
      and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid
                                                and e.deptype in ('e', 'i'))
    union all
    select nspowner, nspacl, oid from pg_namespace
    where not starts_with(nspname, 'pg_') and nspname <> 'information_schema'
      and not starts_with(nspname, '_timescaledb_') and not starts_with(nspname, 'timescaledb_')
)
select distinct r.rolname::text as role
from (select owner as oid from ours
      union select (aclexplode(acl)).grantee from ours
      union select (aclexplode(attacl)).grantee from pg_attribute join ours on ours.oid = attrelid) as named
join pg_roles r on r.oid = named.oid
where not starts_with(r.rolname, 'pg_')
order by 1;

-- name: structure
-- What stands around the rows, each part with its definition: walls, rights, triggers, keys, functions, views.
with spaces as (
    select oid, nspname, nspowner, nspacl from pg_namespace
    where not starts_with(nspname, 'pg_') and nspname not in ('information_schema')
      and not starts_with(nspname, '_timescaledb_') and not starts_with(nspname, 'timescaledb_')
), relations as (
    select c.*, format('%I.%I', n.nspname, c.relname) as full_name
    from pg_class c join spaces n on n.oid = c.relnamespace
    where not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid
                                                and e.deptype = 'e')
), parts as (
    select 'schema' as kind, nspname::text as name, pg_get_userbyid(nspowner)::text as definition,
           coalesce(nspacl, acldefault('n', nspowner)) as acl
    from spaces where nspname <> 'public'
    union all
    select 'relation', full_name,
           concat_ws(' ', relkind, pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity, reloptions::text,
                     -- TimescaleDB writes brackets into its views that reading them again leaves out.
                     case when relkind in ('v', 'm') then
                         case when strpos(pg_get_viewdef(oid), '_timescaledb_internal._materialized_hypertable_') > 0
                              then translate(pg_get_viewdef(oid), '()', '') else pg_get_viewdef(oid) end
                     end),
           coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
    from relations where relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select 'column', r.full_name || '.' || a.attname,
           concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                     pg_get_expr(d.adbin, d.adrelid)), a.attacl
    from relations r
    join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    where r.relkind in ('r', 'p', 'v', 'm')
    union all
    select 'policy', format('%I.%I %s', p.schemaname, p.tablename, p.policyname),
           concat_ws(' ', p.permissive, p.roles::text, p.cmd, p.qual, p.with_check), null
    from pg_policies p join spaces on spaces.nspname = p.schemaname
    union all
    select 'trigger', r.full_name || ' ' || t.tgname, t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid), null
    from pg_trigger t join relations r on r.oid = t.tgrelid where not t.tgisinternal
    union all
    select 'key or check', r.full_name || ' ' || k.conname, k.convalidated::text || ' ' || pg_get_constraintdef(k.oid), null
    from pg_constraint k join relations r on r.oid = k.conrelid where k.contype in ('c', 'f', 'p', 'u', 'x')
    union all
    select 'index', r.full_name, i.indisvalid::text || ' ' || pg_get_indexdef(i.indexrelid), null
    from pg_index i join relations r on r.oid = i.indexrelid
    union all
    select 'function', format('%s(%s)', format('%I.%I', n.nspname, p.proname), pg_get_function_identity_arguments(p.oid)),
           pg_get_userbyid(p.proowner)::text || ' ' || pg_get_functiondef(p.oid), coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc p join spaces n on n.oid = p.pronamespace
    where p.prokind in ('f', 'p')
      and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid
                                                and e.deptype in ('e', 'i'))
)
select kind || ' ' || name as part,
       left(encode(sha256(convert_to(
           definition || ' ' || coalesce((select string_agg(entry::text, ',' order by entry::text)
                                          from unnest(acl) as entry), ''), 'UTF8')), 'hex'), 32) as sha256
from parts
order by 1;
