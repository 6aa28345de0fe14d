-- What a patient's readings of a day come to, and how long readings stay: in rows, in columns, and at all.
--
-- Sums and counts instead of averages: days add up to weeks, and every average over them is right. TimescaleDB keeps them as a
-- continuous aggregate, plain PostgreSQL in a table that triggers keep in the transaction of the readings. Both are called
-- ingest.day_sums, have no grants, like the series itself, and are read through the barrier view ingest.daily_summary.
-- What differs is made by procedures, so that a database that changes its engine (“homevitals db migrate-to-timescale”) ends
-- with the same.

-- The statement that sums up a table of readings. Left out are versions that no longer count, readings of nobody and control
-- solution. What cannot be dated is counted as that and nowhere else: its day is only the day of its arrival.
create function ingest.day_sums_of(from_table text, bucket text default '') returns text language sql immutable as $$
    select format($sums$
        select %s practice_id, patient_id, kind, measured_day,
               count(*) filter (where result = 'measured' and %s) as reading_count,
               count(*) filter (where origin = 'device' and result <> 'not_measurable' and %2$s) as device_count,
               count(*) filter (where result = 'above_range' and %2$s) as above_range_count,
               count(*) filter (where result = 'below_range' and %2$s) as below_range_count,
               count(*) filter (where result = 'not_measurable' and %2$s) as not_measurable_count,
               count(*) filter (where not %2$s) as undated_count,
               min(measured_at) filter (where %2$s) as first_measured_at,
               max(measured_at) filter (where %2$s) as last_measured_at,
               count(systolic_mmhg) filter (where %2$s) as systolic_count,
               sum(systolic_mmhg) filter (where %2$s) as systolic_sum_mmhg,
               min(systolic_mmhg) filter (where %2$s) as systolic_min_mmhg,
               max(systolic_mmhg) filter (where %2$s) as systolic_max_mmhg,
               count(diastolic_mmhg) filter (where %2$s) as diastolic_count,
               sum(diastolic_mmhg) filter (where %2$s) as diastolic_sum_mmhg,
               min(diastolic_mmhg) filter (where %2$s) as diastolic_min_mmhg,
               max(diastolic_mmhg) filter (where %2$s) as diastolic_max_mmhg,
               count(pulse_bpm) filter (where %2$s) as pulse_count,
               sum(pulse_bpm) filter (where %2$s) as pulse_sum_bpm,
               min(pulse_bpm) filter (where %2$s) as pulse_min_bpm,
               max(pulse_bpm) filter (where %2$s) as pulse_max_bpm,
               count(glucose_mg_dl) filter (where %2$s) as glucose_count,
               sum(glucose_mg_dl) filter (where %2$s) as glucose_sum_mg_dl,
               min(glucose_mg_dl) filter (where %2$s) as glucose_min_mg_dl,
               max(glucose_mg_dl) filter (where %2$s) as glucose_max_mg_dl
        from %3$s
        where superseded_at is null and patient_id is not null and measured_day is not null
          and result <> 'control_solution'
        group by 1, 2, 3, 4$sums$ || case bucket when '' then '' else ', 5' end,
        bucket, '(time_quality <> ''unknown'')', from_table)
$$;

-- Readings are added without any lock but that of the days' rows, taken in the order of the key. A correction takes from
-- some days and then adds to others, so it has the sums of its practice for itself; the practice's arrivals wait for it.
create function ingest.day_sums_lock(of_practice uuid) returns bigint language sql immutable as
    $$ select hashtextextended('ingest.day_sums ' || of_practice, 0) $$;

-- Sums up some days again, each given as practice, patient, kind and day. The span is every instant that has the date
-- somewhere on earth (UTC-12 to UTC+14), so that only the partitions are read that can hold them.
create function ingest.sum_days_again(practices uuid[], patients uuid[], kinds text[], days date[]) returns void
language plpgsql as $$
begin
    delete from ingest.day_sums s using unnest(practices, patients, kinds, days) as d (practice_id, patient_id, kind, at)
    where s.practice_id = d.practice_id and s.patient_id = d.patient_id and s.kind = d.kind and s.measured_day = d.at;
    execute 'insert into ingest.day_sums select summed.* from unnest($1, $2, $3, $4) as d (practice, patient, what, at),'
        ' lateral (' || ingest.day_sums_of('(select * from ingest.reading_series r'
            ' where r.practice_id = d.practice and r.patient_id = d.patient and r.kind = d.what and r.measured_day = d.at'
            ' and r.measured_at >= (d.at - interval ''14 hours'') at time zone ''UTC'''
            ' and r.measured_at < (d.at + interval ''36 hours'') at time zone ''UTC'') as of_the_day') || ') as summed'
        using practices, patients, kinds, days;
end $$;

create procedure ingest.make_day_sums_table() language plpgsql as $make$
begin
    execute 'create table ingest.day_sums with (fillfactor = 70) as '
        || ingest.day_sums_of('ingest.reading_series');
    alter table ingest.day_sums add primary key (practice_id, patient_id, kind, measured_day);

    -- With the owner's rights, because whoever stores a reading has none on the sums.
    execute format($function$
        create function ingest.add_to_day_sums() returns trigger language plpgsql security definer
        set search_path = pg_catalog as $body$
        begin
            perform pg_advisory_xact_lock_shared(lock) from (
                select distinct ingest.day_sums_lock(practice_id) as lock from added order by 1) as locks;
            insert into ingest.day_sums as s %s order by 1, 2, 3, 4
            on conflict (practice_id, patient_id, kind, measured_day) do update
            set reading_count = s.reading_count + excluded.reading_count,
                device_count = s.device_count + excluded.device_count,
                above_range_count = s.above_range_count + excluded.above_range_count,
                below_range_count = s.below_range_count + excluded.below_range_count,
                not_measurable_count = s.not_measurable_count + excluded.not_measurable_count,
                undated_count = s.undated_count + excluded.undated_count,
                first_measured_at = least(s.first_measured_at, excluded.first_measured_at),
                last_measured_at = greatest(s.last_measured_at, excluded.last_measured_at),
                systolic_count = s.systolic_count + excluded.systolic_count,
                systolic_sum_mmhg = coalesce(s.systolic_sum_mmhg + excluded.systolic_sum_mmhg,
                                             s.systolic_sum_mmhg, excluded.systolic_sum_mmhg),
                systolic_min_mmhg = least(s.systolic_min_mmhg, excluded.systolic_min_mmhg),
                systolic_max_mmhg = greatest(s.systolic_max_mmhg, excluded.systolic_max_mmhg),
                diastolic_count = s.diastolic_count + excluded.diastolic_count,
                diastolic_sum_mmhg = coalesce(s.diastolic_sum_mmhg + excluded.diastolic_sum_mmhg,
                                              s.diastolic_sum_mmhg, excluded.diastolic_sum_mmhg),
                diastolic_min_mmhg = least(s.diastolic_min_mmhg, excluded.diastolic_min_mmhg),
                diastolic_max_mmhg = greatest(s.diastolic_max_mmhg, excluded.diastolic_max_mmhg),
                pulse_count = s.pulse_count + excluded.pulse_count,
                pulse_sum_bpm = coalesce(s.pulse_sum_bpm + excluded.pulse_sum_bpm, s.pulse_sum_bpm, excluded.pulse_sum_bpm),
                pulse_min_bpm = least(s.pulse_min_bpm, excluded.pulse_min_bpm),
                pulse_max_bpm = greatest(s.pulse_max_bpm, excluded.pulse_max_bpm),
                glucose_count = s.glucose_count + excluded.glucose_count,
                glucose_sum_mg_dl = coalesce(s.glucose_sum_mg_dl + excluded.glucose_sum_mg_dl,
                                             s.glucose_sum_mg_dl, excluded.glucose_sum_mg_dl),
                glucose_min_mg_dl = least(s.glucose_min_mg_dl, excluded.glucose_min_mg_dl),
                glucose_max_mg_dl = greatest(s.glucose_max_mg_dl, excluded.glucose_max_mg_dl);
            return null;
        end $body$
        $function$, ingest.day_sums_of('added'));
    create trigger add_to_day_sums after insert on ingest.reading_series
        referencing new table as added for each statement execute function ingest.add_to_day_sums();

    create function ingest.recount_days() returns trigger language plpgsql security definer
    set search_path = pg_catalog as $body$
    begin
        perform pg_advisory_xact_lock(lock) from (
            select distinct ingest.day_sums_lock(practice_id) as lock from changed order by 1) as locks;
        perform ingest.sum_days_again(array_agg(practice_id), array_agg(patient_id), array_agg(kind), array_agg(measured_day))
            from (select distinct practice_id, patient_id, kind, measured_day from changed
                  where patient_id is not null and measured_day is not null) as touched;
        return null;
    end $body$;
    create trigger recount_days after update on ingest.reading_series
        referencing old table as changed for each statement execute function ingest.recount_days();
end $make$;

-- TimescaleDB keeps the sums by UTC day as well, because it looks for them by it; the view adds a patient's day up. What no
-- refresh has reached is summed up at the question (real time): always the last eight days, whatever comes late in them.
-- Later than that, a late reading or a correction shows after the next refresh, half an hour at most and its own time.
create procedure ingest.make_day_sums_aggregate() language plpgsql as $make$
begin
    execute 'create materialized view ingest.day_sums with (timescaledb.continuous, timescaledb.materialized_only = false,'
        ' timescaledb.create_group_indexes = false) as '
        || ingest.day_sums_of('ingest.reading_series', 'time_bucket(interval ''1 day'', measured_at) as bucket_at,')
        || ' with no data';
    perform set_chunk_time_interval('ingest.day_sums', interval '1 year');
    create index day_sums_by_patient on ingest.day_sums (practice_id, patient_id, kind, measured_day);
    perform add_continuous_aggregate_policy('ingest.day_sums', start_offset => null, end_offset => interval '8 days',
        schedule_interval => interval '30 minutes', initial_start => now() + interval '10 minutes');
end $make$;

-- Readings of two months ago and before lie in columns: a month is closed by then, and a tenth of the disk is enough.
-- One patient's readings lie together, and each batch of a thousand says which patients and times are in it.
create procedure ingest.make_columnstore() language plpgsql as $make$
begin
    alter table ingest.reading_series set (
        timescaledb.enable_columnstore, timescaledb.segmentby = 'practice_id',
        timescaledb.orderby = 'patient_id, kind, measured_at');
    call add_columnstore_policy('ingest.reading_series', after => interval '60 days',
        schedule_interval => interval '12 hours', initial_start => now() + interval '1 hour');
end $make$;

do $$
begin
    if (select engine from ingest.series_engine) = 'timescaledb' then
        -- Made by TimescaleDB itself; nothing asks for times of all practices.
        drop index if exists ingest.reading_measured_at_idx;
        call ingest.make_day_sums_aggregate();
        call ingest.make_columnstore();
    else
        -- The names that they have on TimescaleDB; the partitioned table was made like another, without them.
        alter index ingest.reading_practice_id_patient_id_kind_measured_at_idx rename to reading_by_patient;
        alter index ingest.reading_practice_id_stored_at_idx rename to reading_by_arrival;
        alter index ingest.reading_practice_id_peripheral_id_measured_at_idx rename to reading_unassigned;
        call ingest.make_day_sums_table();
    end if;
end $$;

-- The patient's wall in other words. Of “… is null or patient_id = …” PostgreSQL believes that one row in a hundred passes,
-- and looks through a whole table where an index would lead to the first rows at once (measured: all of the evaluation queue
-- for each hundred of it). Of a case it believes one in two.
create or replace procedure ingest.wall(walled regclass, by_patient boolean default true) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', walled);
    execute format('alter table %s force row level security', walled);
    execute format('create policy practice_wall on %s using (practice_id = any (ingest.practices_in_force()))', walled);
    if by_patient and exists (select from pg_attribute where attrelid = walled and attname = 'patient_id') then
        execute format(
            'create policy patient_wall on %s as restrictive using ('
            'case when ingest.patient_in_force() is null then true else patient_id = ingest.patient_in_force() end'
            ' and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false))', walled);
    end if;
end $$;

do $$
declare
    walled regclass;
begin
    -- All that ingest.wall has made; the audit trail's is another.
    for walled in select polrelid::regclass from pg_policy
                  where polname = 'patient_wall' and exists (
                      select from pg_attribute where attrelid = polrelid and attname = 'patient_id' and not attisdropped) loop
        execute format(
            'alter policy patient_wall on %s using ('
            'case when ingest.patient_in_force() is null then true else patient_id = ingest.patient_in_force() end'
            ' and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false))', walled);
    end loop;
end $$;

create or replace view ingest.reading with (security_barrier = true) as
    select * from ingest.reading_series
    where practice_id = any (ingest.practices_in_force())
      and case when ingest.patient_in_force() is null then true else patient_id = ingest.patient_in_force() end
      and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false)
      and superseded_at is null
    with cascaded check option;
create or replace view ingest.reading_history with (security_barrier = true) as
    select * from ingest.reading_series
    where practice_id = any (ingest.practices_in_force())
      and case when ingest.patient_in_force() is null then true else patient_id = ingest.patient_in_force() end
      and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false)
    with cascaded check option;

-- The same on both engines; where a day has one row of sums, adding up changes nothing.
create view ingest.daily_summary with (security_barrier = true) as
    select practice_id, patient_id, kind, measured_day,
           sum(reading_count)::bigint as reading_count,
           sum(device_count)::bigint as device_count,
           sum(above_range_count)::bigint as above_range_count,
           sum(below_range_count)::bigint as below_range_count,
           sum(not_measurable_count)::bigint as not_measurable_count,
           sum(undated_count)::bigint as undated_count,
           min(first_measured_at) as first_measured_at,
           max(last_measured_at) as last_measured_at,
           sum(systolic_count)::bigint as systolic_count,
           sum(systolic_sum_mmhg) as systolic_sum_mmhg,
           min(systolic_min_mmhg) as systolic_min_mmhg,
           max(systolic_max_mmhg) as systolic_max_mmhg,
           sum(diastolic_count)::bigint as diastolic_count,
           sum(diastolic_sum_mmhg) as diastolic_sum_mmhg,
           min(diastolic_min_mmhg) as diastolic_min_mmhg,
           max(diastolic_max_mmhg) as diastolic_max_mmhg,
           sum(pulse_count)::bigint as pulse_count,
           sum(pulse_sum_bpm) as pulse_sum_bpm,
           min(pulse_min_bpm) as pulse_min_bpm,
           max(pulse_max_bpm) as pulse_max_bpm,
           sum(glucose_count)::bigint as glucose_count,
           sum(glucose_sum_mg_dl) as glucose_sum_mg_dl,
           min(glucose_min_mg_dl) as glucose_min_mg_dl,
           max(glucose_max_mg_dl) as glucose_max_mg_dl
    from ingest.day_sums
    where practice_id = any (ingest.practices_in_force())
      and case when ingest.patient_in_force() is null then true else patient_id = ingest.patient_in_force() end
      and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false)
    group by practice_id, patient_id, kind, measured_day;
grant select on ingest.daily_summary to homevitals_console, homevitals_alerts;

-- Deletes months (TimescaleDB: chunks of seven days) that lie wholly before an instant, and the daily summaries with them.
-- Record keys stay: what was deleted and comes again is still a repetition. For the scheduler, which may not drop tables.
-- Nothing younger than two years goes: charts and statistics look back a year, and a wrong figure must not cost readings.
create function ingest.drop_series_before(before_at timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog set lock_timeout = '5s' as $$
declare
    partition_name text;
    kept_from date;
    dropped integer := 0;
begin
    if before_at > now() - interval '2 years' then
        raise exception 'drop_series_before: readings of the last two years are never deleted';
    end if;
    if (select engine from ingest.series_engine) = 'timescaledb' then
        return (select count(*) from public.drop_chunks('ingest.reading_series', older_than => before_at));
    end if;
    perform pg_advisory_xact_lock(hashtext('ingest.ensure_series'));
    for partition_name in
        select relname from pg_class join pg_inherits on inhrelid = oid
        where inhparent = 'ingest.reading_series'::regclass
          and to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= before_at at time zone 'UTC'
        order by relname
    loop
        kept_from := to_date(right(partition_name, 7), 'YYYY_MM') + interval '1 month';
        execute format('drop table ingest.%I', partition_name);
        dropped := dropped + 1;
    end loop;
    -- At the border days are cut in two, depending on where the patient lives.
    delete from ingest.day_sums where measured_day < kept_from - 1;
    perform ingest.sum_days_again(array_agg(practice_id), array_agg(patient_id), array_agg(kind), array_agg(measured_day))
        from ingest.day_sums where measured_day < kept_from + 2;
    return dropped;
end $$;
revoke execute on function ingest.drop_series_before from public;
grant execute on function ingest.drop_series_before to homevitals_scheduler;
