-- Body weight, pulse oximetry, body temperature and ketone; and what a further kind needs: its columns, its place in the two
-- lists below, and a call of ingest.follow_columns(). Nothing else in the database names the numbers of readings one by one.

-- What is measured; firmware_profiles/kinds.py has the same words.
alter table ingest.reading_series drop constraint reading_kind_check;
alter table ingest.reading_series add constraint reading_kind_check check (kind in
    ('blood_pressure', 'glucose', 'body_weight', 'pulse_oximetry', 'body_temperature', 'ketone'));

-- Behind the columns that there were: ingest of before this migration goes on writing without them.
alter table ingest.reading_series
    add column weight_kg double precision,
    add column spo2_percent double precision,
    add column temperature_celsius double precision,
    add column ketone_mmol_l double precision;
alter table ingest.reading_series add constraint reading_weight_kg_check check (weight_kg between 0 and 500);
alter table ingest.reading_series add constraint reading_spo2_percent_check check (spo2_percent between 0 and 100);
alter table ingest.reading_series add constraint reading_temperature_celsius_check check (temperature_celsius between 0 and 60);
alter table ingest.reading_series add constraint reading_ketone_mmol_l_check check (ketone_mmol_l between 0 and 50);

-- The numbers that daily summaries are of, in the order of their columns: new ones go to the end.
create function ingest.summed_numbers() returns text[] language sql immutable as $$
    select array['systolic_mmhg', 'diastolic_mmhg', 'pulse_bpm', 'glucose_mg_dl', 'weight_kg', 'spo2_percent',
                 'temperature_celsius', 'ketone_mmol_l']
$$;

-- The column of the sums that holds one figure of a number: "systolic_sum_mmhg" of "systolic_mmhg"; a count has no unit.
create function ingest.figure_of(number text, figure text) returns text language sql immutable as $$
    select split_part(number, '_', 1) || '_' || figure
        || case figure when 'count' then '' else substr(number, position('_' in number)) end
$$;

-- As before, but for the numbers, which come from the list.
create or replace function ingest.day_sums_of(from_table text, bucket text default '') returns text
language sql immutable as $$
    select format($sums$
        select %s practice_id, patient_id, kind, measured_day,
               count(*) filter (where result = 'measured' and %s) as reading_count,
               count(*) filter (where origin = 'device' and result <> 'not_measurable' and %2$s) as device_count,
               count(*) filter (where result = 'above_range' and %2$s) as above_range_count,
               count(*) filter (where result = 'below_range' and %2$s) as below_range_count,
               count(*) filter (where result = 'not_measurable' and %2$s) as not_measurable_count,
               count(*) filter (where not %2$s) as undated_count,
               min(measured_at) filter (where %2$s) as first_measured_at,
               max(measured_at) filter (where %2$s) as last_measured_at, %4$s
        from %3$s
        where superseded_at is null and patient_id is not null and measured_day is not null
          and result <> 'control_solution'
        group by 1, 2, 3, 4$sums$ || case bucket when '' then '' else ', 5' end,
        bucket, '(time_quality <> ''unknown'')', from_table,
        (select string_agg(format('%s(%I) filter (where %s) as %I', figure, number, '(time_quality <> ''unknown'')',
                                  ingest.figure_of(number, figure)), ', ' order by n, f)
         from unnest(ingest.summed_numbers()) with ordinality as numbers (number, n),
              unnest(array['count', 'sum', 'min', 'max']) with ordinality as figures (figure, f)))
$$;

-- The trigger's function on plain PostgreSQL. With the owner's rights, because whoever stores a reading has none on the sums.
create procedure ingest.make_adding_to_day_sums() language plpgsql as $make$
begin
    execute format($function$
        create or replace function ingest.add_to_day_sums() returns trigger language plpgsql security definer
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
                last_measured_at = greatest(s.last_measured_at, excluded.last_measured_at), %s;
            return null;
        end $body$
        $function$, ingest.day_sums_of('added'), (
            select string_agg(format(how, ingest.figure_of(number, figure)), ', ')
            from unnest(ingest.summed_numbers()) as number, (values
                ('count', '%1$I = s.%1$I + excluded.%1$I'),
                ('sum', '%1$I = coalesce(s.%1$I + excluded.%1$I, s.%1$I, excluded.%1$I)'),
                ('min', '%1$I = least(s.%1$I, excluded.%1$I)'),
                ('max', '%1$I = greatest(s.%1$I, excluded.%1$I)')) as figures (figure, how)));
end $make$;

-- As before, but for the function of the trigger.
create or replace procedure ingest.make_day_sums_table() language plpgsql as $make$
begin
    execute 'create table ingest.day_sums with (fillfactor = 70) as '
        || ingest.day_sums_of('ingest.reading_series');
    alter table ingest.day_sums add primary key (practice_id, patient_id, kind, measured_day);

    call ingest.make_adding_to_day_sums();
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

-- Lets the views and the sums follow the columns of the series. On TimescaleDB the sums are made anew, empty: until the next
-- refresh they are summed up at the question. On plain PostgreSQL the table gets the columns that it lacks.
create procedure ingest.follow_columns() language plpgsql as $follow$
declare
    figures text := (
        select string_agg(format(how, ingest.figure_of(number, figure)), ', ' order by n)
        from unnest(ingest.summed_numbers()) with ordinality as numbers (number, n), (values
            ('count', 'sum(%1$I)::bigint as %1$I'), ('sum', 'sum(%1$I) as %1$I'),
            ('min', 'min(%1$I) as %1$I'), ('max', 'max(%1$I) as %1$I')) as figures (figure, how));
    added text;
begin
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

    drop view ingest.daily_summary;
    if (select engine from ingest.series_engine) = 'timescaledb' then
        drop materialized view ingest.day_sums;
        call ingest.make_day_sums_aggregate();
    else
        for added in
            select format('alter table ingest.day_sums add column if not exists %I %s', ingest.figure_of(number, figure), type)
            from unnest(ingest.summed_numbers()) with ordinality as numbers (number, n), (values
                (1, 'count', 'bigint default 0'), (2, 'sum', 'double precision'),
                (3, 'min', 'double precision'), (4, 'max', 'double precision')) as figures (f, figure, type)
            order by n, f
        loop
            execute added;
        end loop;
        call ingest.make_adding_to_day_sums();
    end if;
    -- The same on both engines; where a day has one row of sums, adding up changes nothing.
    execute 'create view ingest.daily_summary with (security_barrier = true) as
        select practice_id, patient_id, kind, measured_day,
               sum(reading_count)::bigint as reading_count,
               sum(device_count)::bigint as device_count,
               sum(above_range_count)::bigint as above_range_count,
               sum(below_range_count)::bigint as below_range_count,
               sum(not_measurable_count)::bigint as not_measurable_count,
               sum(undated_count)::bigint as undated_count,
               min(first_measured_at) as first_measured_at,
               max(last_measured_at) as last_measured_at, ' || figures || '
        from ingest.day_sums
        where practice_id = any (ingest.practices_in_force())
          and case when ingest.patient_in_force() is null then true else patient_id = ingest.patient_in_force() end
          and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false)
        group by practice_id, patient_id, kind, measured_day';
    grant select on ingest.daily_summary to homevitals_console, homevitals_alerts;
end $follow$;

call ingest.follow_columns();
