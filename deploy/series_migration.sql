-- The move of the readings from monthly partitions to a hypertable, while readings go on arriving. Run as the schemas' owner.

-- name: one_at_a_time
-- A lock of the session; another process that moves has it, or the server has not noticed yet that one was killed.
select pg_advisory_lock(hashtext('homevitals db migrate-to-timescale'));

-- name: engine
-- What the series is stored in.
select engine from ingest.series_engine;

-- name: make_extension
-- The database's owner may, for the extension is a trusted one, where it owns the database.
create extension if not exists timescaledb;

-- name: prepare
-- The new table beside the old one, with a note of every reading that comes or changes from now on. The triggers wait for
-- transactions that are writing, so that nothing falls between the notes and the first copy.
do $prepare$
begin
    if to_regclass('ingest.series_moved') is not null then
        return;
    end if;
    create table ingest.series_moved (
        month_at      timestamptz primary key,      -- begin of the month, UTC
        reading_count bigint not null,
        content_hash  numeric not null              -- sum over the hashes of the rows: their order does not matter
    );
    create table ingest.series_touched (reading_id uuid not null, measured_at timestamptz not null);
    create index series_touched_by_time on ingest.series_touched (measured_at);
    create table ingest.reading_series_new (like ingest.reading_series including defaults including constraints);
    perform create_hypertable(
        'ingest.reading_series_new', by_range('measured_at', interval '7 days'), create_default_indexes => false);
    revoke all on ingest.reading_series_new from public;
    declare
        index record;
    begin
        for index in
            select c.relname, pg_get_indexdef(c.oid) as definition
            from pg_index i join pg_class c on c.oid = i.indexrelid
            where i.indrelid = 'ingest.reading_series'::regclass
        loop
            execute replace(replace(index.definition,
                format(' INDEX %I ON ONLY ingest.reading_series ', index.relname),
                format(' INDEX %I ON ingest.reading_series_new ', 'new_' || index.relname)),
                format(' INDEX %I ON ingest.reading_series ', index.relname),
                format(' INDEX %I ON ingest.reading_series_new ', 'new_' || index.relname));
        end loop;
    end;
    -- With the owner's rights, because whoever stores a reading has none on the notes.
    create function ingest.note_touched() returns trigger language plpgsql security definer
    set search_path = pg_catalog as $body$
    begin
        insert into ingest.series_touched select reading_id, measured_at from touched;
        return null;
    end $body$;
    create trigger note_added after insert on ingest.reading_series
        referencing new table as touched for each statement execute function ingest.note_touched();
    create trigger note_changed after update on ingest.reading_series
        referencing new table as touched for each statement execute function ingest.note_touched();
    create trigger note_deleted after delete on ingest.reading_series
        referencing old table as touched for each statement execute function ingest.note_touched();
end $prepare$;

-- name: start_over
-- Away with what a former run has copied and noted.
do $start_over$
begin
    drop trigger if exists note_added on ingest.reading_series;
    drop trigger if exists note_changed on ingest.reading_series;
    drop trigger if exists note_deleted on ingest.reading_series;
    drop function if exists ingest.note_touched();
    drop table if exists ingest.reading_series_new, ingest.series_touched, ingest.series_moved;
end $start_over$;

-- name: months
-- The months of the old table, oldest first, and whether they were copied.
select month_at, month_at + interval '1 month' as until_at, moved.month_at is not null as is_copied
from (select (to_date(right(relname, 7), 'YYYY_MM') at time zone 'UTC') as month_at
      from pg_class join pg_inherits on inhrelid = oid
      where inhparent = 'ingest.reading_series'::regclass) as month
left join ingest.series_moved moved using (month_at)
order by month_at;

-- name: forget_notes
-- Of a month whose readings are about to be copied as they are now.
delete from ingest.series_touched where measured_at >= %(month_at)s and measured_at < %(until_at)s;

-- name: copy_month
-- All readings of a month.
insert into ingest.reading_series_new
select * from ingest.reading_series where measured_at >= %(month_at)s and measured_at < %(until_at)s;

-- name: make_noted
-- What is brought up to date at once, a table of the connection.
create temporary table if not exists noted (reading_id uuid, measured_at timestamptz) on commit delete rows;

-- name: months_noted
-- The months in which something came or changed since it was copied.
select distinct date_trunc('month', measured_at, 'UTC') as month_at from ingest.series_touched order by 1;

-- name: take_notes
-- Of one month.
with taken as (
    delete from ingest.series_touched where measured_at >= %(month_at)s and measured_at < %(until_at)s
    returning reading_id, measured_at
)
insert into noted select distinct reading_id, measured_at from taken;

-- name: remove_noted
-- What came or changed is copied again.
delete from ingest.reading_series_new n using noted
where n.reading_id = noted.reading_id and n.measured_at = noted.measured_at
  and n.measured_at >= %(month_at)s and n.measured_at < %(until_at)s;

-- name: copy_noted
-- As it is now; what was deleted stays away.
insert into ingest.reading_series_new
select r.* from ingest.reading_series r
join noted on r.reading_id = noted.reading_id and r.measured_at = noted.measured_at
where r.measured_at >= %(month_at)s and r.measured_at < %(until_at)s;

-- name: month_in_both
-- Count and hash of a month's readings, in the old table and in the new one.
select * from
    (select count(*), coalesce(sum(hashtextextended(r::text, 0)::numeric), 0) from ingest.reading_series r
     where measured_at >= %(month_at)s and measured_at < %(until_at)s) as old (reading_count, content_hash),
    (select count(*), coalesce(sum(hashtextextended(r::text, 0)::numeric), 0) from ingest.reading_series_new r
     where measured_at >= %(month_at)s and measured_at < %(until_at)s) as new (new_count, new_hash);

-- name: noted_in_both
-- The same of what was brought up to date at once.
select * from
    (select count(*), coalesce(sum(hashtextextended(r::text, 0)::numeric), 0) from ingest.reading_series r
     join noted on r.reading_id = noted.reading_id and r.measured_at = noted.measured_at
     where r.measured_at >= %(month_at)s and r.measured_at < %(until_at)s) as old (reading_count, content_hash),
    (select count(*), coalesce(sum(hashtextextended(r::text, 0)::numeric), 0) from ingest.reading_series_new r
     join noted on r.reading_id = noted.reading_id and r.measured_at = noted.measured_at
     where r.measured_at >= %(month_at)s and r.measured_at < %(until_at)s) as new (new_count, new_hash);

-- name: remember_month
-- With the copy, in one transaction: a month that stands here is not copied again.
insert into ingest.series_moved (month_at, reading_count, content_hash)
values (%(month_at)s, %(reading_count)s, %(content_hash)s)
on conflict (month_at) do update set reading_count = excluded.reading_count, content_hash = excluded.content_hash;

-- name: wait_at_most
-- For each lock, in milliseconds.
select set_config('lock_timeout', %(wait_ms)s::text, false);

-- name: lock
-- The views first, as everybody does who reads and writes: whoever waits for a view reads its definition anew behind the
-- lock. Each takes the tables behind it along.
lock table ingest.reading, ingest.reading_history, ingest.daily_summary, ingest.reading_series in access exclusive mode;

-- name: swap
-- The new table in the old one's place, under all its names. The views keep their grants; what the old engine needed goes.
do $swap$
declare
    found record;
begin
    drop trigger note_added on ingest.reading_series;
    drop trigger note_changed on ingest.reading_series;
    drop trigger note_deleted on ingest.reading_series;
    drop function ingest.note_touched();
    drop table ingest.series_touched, ingest.series_moved;
    drop trigger add_to_day_sums on ingest.reading_series;
    drop trigger recount_days on ingest.reading_series;
    drop function ingest.add_to_day_sums(), ingest.recount_days();

    create temporary table definitions on commit drop as
        select view.oid::regclass::text as name, pg_get_viewdef(view.oid) as definition,
               array_to_string(view.reloptions, ', ') as options
        from pg_class view
        where view.relkind = 'v' and exists (
            select from pg_depend d join pg_rewrite r on r.oid = d.objid
            where r.ev_class = view.oid and d.classid = 'pg_rewrite'::regclass
              and d.refobjid in ('ingest.reading_series'::regclass, 'ingest.day_sums'::regclass));
    for found in select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
                 where i.indrelid = 'ingest.reading_series'::regclass loop
        execute format('alter index ingest.%I rename to %I', found.relname, 'old_' || found.relname);
        execute format('alter index ingest.%I rename to %I', 'new_' || found.relname, found.relname);
    end loop;
    alter table ingest.reading_series rename to reading_series_old;
    alter table ingest.reading_series_new rename to reading_series;
    alter table ingest.day_sums rename to day_sums_old;
    update ingest.series_engine set engine = 'timescaledb';
    call ingest.make_day_sums_aggregate();
    call ingest.make_columnstore();
    for found in select * from definitions loop
        execute format('create or replace view %s with (%s) as %s', found.name, found.options, found.definition);
    end loop;
    drop table ingest.day_sums_old;
end $swap$;

-- name: old_table
-- Whether the partitions of before are still there.
select to_regclass('ingest.reading_series_old') is not null;

-- name: drop_old_table
-- The partitions of before; every reading in them is in the new table.
drop table ingest.reading_series_old;

-- name: first_refresh
-- Until then, daily summaries are summed up from the readings at each question.
call refresh_continuous_aggregate('ingest.day_sums', null, now() - interval '8 days');
