-- Statements of trials on history: readings as arrays.

-- name: readings_of_kind
-- Dated readings of a kind that count, of devices and of imports, patient by patient in event time. No column is null:
-- so each row has the same length in binary. “HI” and “LO” are infinite; what gave no number and control solution is left out.
select r.patient_id,
       extract(epoch from r.measured_at)::bigint as at_s,
       (r.measured_day - date '1970-01-01')::bigint as local_day,
       case r.result when 'above_range' then 'infinity' when 'below_range' then '-infinity'
            else coalesce({first}, 'nan') end::float8 as first,
       coalesce({second}, 'nan')::float8 as second,
       coalesce({third}, 'nan')::float8 as third,
       'irregular_pulse' = any(r.qualifiers) as irregular_pulse
from ingest.reading r
where r.practice_id = %(practice_id)s and r.kind = %(kind)s and r.patient_id is not null and r.measured_day is not null
  and r.time_quality <> 'unknown' and r.result in ('measured', 'above_range', 'below_range')
  and r.measured_at >= %(since)s and r.measured_at < %(until)s
  and (%(patient_ids)s::uuid[] is null or r.patient_id = any (%(patient_ids)s::uuid[]))
order by r.patient_id, r.measured_at, r.reading_id;

-- name: count_readings_of_kind
-- How many of them each patient has.
select r.patient_id, count(*) as readings
from ingest.reading r
where r.practice_id = %(practice_id)s and r.kind = %(kind)s and r.patient_id is not null and r.measured_day is not null
  and r.time_quality <> 'unknown' and r.result in ('measured', 'above_range', 'below_range')
  and r.measured_at >= %(since)s and r.measured_at < %(until)s
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
-- All that counts of some patients and kinds in a span of time: what the rules look at.
select r.patient_id, r.reading_id, r.kind, r.result, r.origin, r.measured_at,
       coalesce(r.measured_day, (r.measured_at at time zone 'UTC')::date) as measured_day, r.version,
       'irregular_pulse' = any(r.qualifiers) as is_irregular_pulse,
       r.systolic_mmhg, r.diastolic_mmhg, r.pulse_bpm, r.glucose_mg_dl, r.weight_kg, r.spo2_percent,
       r.temperature_celsius, r.ketone_mmol_l
from ingest.reading r
where r.practice_id = %(practice_id)s and r.patient_id = any (%(patient_ids)s) and r.kind = any (%(kinds)s)
  and r.result in ('measured', 'above_range', 'below_range')
  and r.measured_at between %(from_at)s and %(until_at)s
