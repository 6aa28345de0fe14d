-- Statements about episodes of monitoring at home. Role: homevitals_console.

-- name: start
-- No row comes back where one of the program goes on.
insert into ccm.monitoring (practice_id, patient_id, program, started_on, set_up_billed, started_by, recorded_at)
values (%(practice_id)s, %(patient_id)s, %(program)s, %(started_on)s, %(set_up_billed)s, %(started_by)s, %(at)s)
on conflict do nothing
returning monitoring_id;

-- name: end_episode
-- Only one that goes on and has begun by that day.
update ccm.monitoring
set ended_on = %(ended_on)s, ended_by = %(ended_by)s, end_recorded_at = %(at)s, end_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and monitoring_id = %(monitoring_id)s
  and ended_on = 'infinity' and started_on <= %(ended_on)s
returning monitoring_id;

-- name: end_all
-- What goes on of one patient; an instant at midnight leaves the day before. Nothing ends before it began.
update ccm.monitoring
set ended_on = greatest(started_on,
                        ((%(ended_at)s::timestamptz - interval '1 microsecond') at time zone patient.time_zone)::date),
    ended_by = %(ended_by)s, end_recorded_at = %(at)s, end_reason = %(reason)s
from ingest.patient
where monitoring.practice_id = %(practice_id)s and monitoring.patient_id = %(patient_id)s and ended_on = 'infinity'
  and patient.practice_id = monitoring.practice_id and patient.patient_id = monitoring.patient_id;

-- name: of_patient
-- What goes on first; "infinity" becomes null, for Python has no such day.
select monitoring_id, patient_id, program, started_on, nullif(ended_on, 'infinity') as ended_on, set_up_billed, started_by,
       recorded_at, ended_by, end_reason
from ccm.monitoring
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by monitoring.ended_on desc, started_on desc, monitoring_id;

-- name: first_measured_at
-- When the first automatic reading with a known time was measured behind the end of the last episode: a proposal for the start.
select min(measured_at) from ingest.reading
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and origin = 'device' and time_quality <> 'unknown'
  and result not in ('not_measurable', 'control_solution')
  and measured_at >= coalesce(
      (select max(ended_on) + 1 from ccm.monitoring
       where practice_id = %(practice_id)s and patient_id = %(patient_id)s and program = %(program)s
         and ended_on < 'infinity'), '-infinity');
