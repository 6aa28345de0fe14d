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
order by r.patient_id, r.measured_at, r.reading_id
