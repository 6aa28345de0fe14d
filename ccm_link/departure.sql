-- What was closed with a patient's standing. Role: homevitals_console.

-- name: closed
-- All that ended in the instant at which a standing of the patient was recorded or withdrawn: both are one transaction's.
with said as (
    select recorded_at as at from ingest.patient_standing
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union
    select withdrawn_at from ingest.patient_standing
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and withdrawn_at is not null
)
select 'enrolment' as kind, enrolment.enrolment_id as closed_id, enrolment.program as title, enrolment.ended_at,
       event.at as closed_at
from said
join ccm.enrolment_event event on event.at = said.at and event.event = 'closed'
    and event.practice_id = %(practice_id)s and event.patient_id = %(patient_id)s
join ccm.enrolment using (practice_id, enrolment_id)
union all
select 'monitoring', monitoring_id, program, null, end_recorded_at
from said
join ccm.monitoring on monitoring.end_recorded_at = said.at
    and monitoring.practice_id = %(practice_id)s and monitoring.patient_id = %(patient_id)s
union all
select 'schedule', schedule_id, title, ended_at, ended_at
from said
join ccm.task_schedule schedule on schedule.ended_at = said.at
    and schedule.practice_id = %(practice_id)s and schedule.patient_id = %(patient_id)s
order by kind, title, closed_id;
