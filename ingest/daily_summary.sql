-- What readings come to per day of the patient's.

-- name: daily_summaries
-- One patient's days with readings of a kind, oldest first, from the first day to the last, both included.
select * from ingest.daily_summary
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = %(kind)s
  and measured_day between %(from_day)s and %(until_day)s
order by measured_day;
