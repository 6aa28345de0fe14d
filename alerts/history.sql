-- Statements of trials on history: readings as arrays.

-- name: readings_of_kind
-- Dated readings of a kind that count, of devices and of imports, patient by patient in event time: one row, whose columns are
-- arrays in binary without any null. “HI” and “LO” are infinite; what gave no number and control solution is left out.
select array_send(array_agg(patient_id)) as patient, array_send(array_agg(at_s)) as at_s,
       array_send(array_agg(local_day)) as local_day, array_send(array_agg(irregular_pulse)) as irregular_pulse,
       array_send(array_agg(first)) as first, array_send(array_agg(second)) as second,
       array_send(array_agg(third)) as third
from (
    select r.patient_id,
           extract(epoch from r.measured_at)::bigint as at_s,
           r.measured_day - date '1970-01-01' as local_day,
           'irregular_pulse' = any(r.qualifiers) as irregular_pulse,
           case r.result when 'above_range' then 'infinity' when 'below_range' then '-infinity'
                else coalesce({first}, 'nan') end::float8 as first,
           coalesce({second}, 'nan')::float8 as second,
           coalesce({third}, 'nan')::float8 as third
    from ingest.reading r
    where r.practice_id = %(practice_id)s and r.kind = %(kind)s and r.patient_id is not null
      and r.measured_day is not null and r.time_quality <> 'unknown'
      and r.result in ('measured', 'above_range', 'below_range')
      and r.measured_at >= %(since)s and r.measured_at < %(until)s
      and (%(patient_ids)s::uuid[] is null or r.patient_id = any (%(patient_ids)s::uuid[]))
    order by r.patient_id, r.measured_at, r.reading_id
) reading;

-- name: readings_of_kind_by_patient
-- The same of all active patients of a practice, a row for each: read and sorted once, for in their order they lie everywhere.
select patient_id as whose, array_send(array_agg(patient_id)) as patient, array_send(array_agg(at_s)) as at_s,
       array_send(array_agg(local_day)) as local_day, array_send(array_agg(irregular_pulse)) as irregular_pulse,
       array_send(array_agg(first)) as first, array_send(array_agg(second)) as second,
       array_send(array_agg(third)) as third
from (
    select r.patient_id,
           extract(epoch from r.measured_at)::bigint as at_s,
           r.measured_day - date '1970-01-01' as local_day,
           'irregular_pulse' = any(r.qualifiers) as irregular_pulse,
           case r.result when 'above_range' then 'infinity' when 'below_range' then '-infinity'
                else coalesce({first}, 'nan') end::float8 as first,
           coalesce({second}, 'nan')::float8 as second,
           coalesce({third}, 'nan')::float8 as third
    from ingest.reading r
    where r.practice_id = %(practice_id)s and r.kind = %(kind)s and r.patient_id is not null
      and r.measured_day is not null and r.time_quality <> 'unknown'
      and r.result in ('measured', 'above_range', 'below_range')
      and r.measured_at >= %(since)s and r.measured_at < %(until)s
      and not exists (
          select from ingest.patient
          where patient.practice_id = r.practice_id and patient.patient_id = r.patient_id and patient.standing <> 'active')
    order by r.patient_id, r.measured_at, r.reading_id
) reading
group by patient_id
order by patient_id;

-- name: count_patients
-- How many active patients a practice has.
select count(*) from ingest.patient where practice_id = %(practice_id)s and standing = 'active';

-- name: count_readings_of_kind
-- How many of them each active patient has.
select r.patient_id, count(*) as readings
from ingest.reading r
where r.practice_id = %(practice_id)s and r.kind = %(kind)s and r.patient_id is not null and r.measured_day is not null
  and r.time_quality <> 'unknown' and r.result in ('measured', 'above_range', 'below_range')
  and r.measured_at >= %(since)s and r.measured_at < %(until)s
  and not exists (
      select from ingest.patient
      where patient.practice_id = r.practice_id and patient.patient_id = r.patient_id and patient.standing <> 'active')
group by r.patient_id
order by r.patient_id;

-- name: readings_of_work
-- The readings that wait for evaluation, whichever version of them. Between the two instants: so the planner knows in which
-- partitions or chunks to look.
select r.reading_id, r.patient_id, r.kind, r.result, r.measured_at, r.version, r.superseded_at is not null as is_superseded
from ingest.reading_history r
where r.practice_id = %(practice_id)s and r.reading_id = any (%(reading_ids)s)
  and r.measured_at between %(from_at)s and %(until_at)s;

-- name: readings_of_patients
-- All that counts of some patients in a span of time, of one kind: what the rules look at. Patient by patient in event time:
-- one row, whose columns are arrays in binary without any null.
select array_send(array_agg(patient_id)) as patient, array_send(array_agg(reading_id)) as reading,
       array_send(array_agg(array_position(%(results)s::text[], result) - 1)) as result,
       array_send(array_agg(array_position(%(origins)s::text[], origin) - 1)) as origin,
       array_send(array_agg((extract(epoch from measured_at) * 1000000)::bigint)) as at_us,
       array_send(array_agg(local_day - date '1970-01-01')) as local_day, array_send(array_agg(version)) as version,
       array_send(array_agg(irregular_pulse)) as irregular_pulse, array_send(array_agg(first)) as first,
       array_send(array_agg(second)) as second, array_send(array_agg(third)) as third
from (
    select r.patient_id, r.reading_id, r.result, r.origin, r.measured_at, r.version::integer as version,
           coalesce(r.measured_day, (r.measured_at at time zone 'UTC')::date) as local_day,
           'irregular_pulse' = any(r.qualifiers) as irregular_pulse,
           coalesce({first}, 'nan')::float8 as first, coalesce({second}, 'nan')::float8 as second,
           coalesce({third}, 'nan')::float8 as third
    from ingest.reading r
    where r.practice_id = %(practice_id)s and r.patient_id = any (%(patient_ids)s) and r.kind = %(kind)s
      and r.result in ('measured', 'above_range', 'below_range')
      and r.measured_at between %(from_at)s and %(until_at)s
    order by r.patient_id, r.measured_at, r.reading_id
) reading;
