-- What readings come to per day of the patient's.

-- name: daily_summaries
-- One patient's days with readings of a kind, oldest first, from the first day to the last, both included.
select measured_day, reading_count, device_count, above_range_count, below_range_count, not_measurable_count,
       undated_count, first_measured_at, last_measured_at,
       systolic_count, systolic_sum_mmhg, systolic_min_mmhg, systolic_max_mmhg,
       diastolic_count, diastolic_sum_mmhg, diastolic_min_mmhg, diastolic_max_mmhg,
       pulse_count, pulse_sum_bpm, pulse_min_bpm, pulse_max_bpm,
       glucose_count, glucose_sum_mg_dl, glucose_min_mg_dl, glucose_max_mg_dl
from ingest.daily_summary
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = %(kind)s
  and measured_day between %(from_day)s and %(until_day)s
order by measured_day;
