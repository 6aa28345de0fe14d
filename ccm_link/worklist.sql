-- The worklist. Role: homevitals_console.

-- name: load_open
-- Open tasks, what is most urgent first, then what is due first: the index task_worklist has this order. Each filter is
-- null where it does not matter.
select * from ccm.named_task
where practice_id = %(practice_id)s and status = 'open'
  and (%(severity)s::text is null or severity = %(severity)s)
  and (%(owner_staff_id)s::uuid is null or owner_staff_id = %(owner_staff_id)s)
  and (%(is_snoozed)s::boolean is null or coalesce(snoozed_until > %(at)s, false) = %(is_snoozed)s)
order by ccm.severity_order(severity), due_at, task_id
limit %(limit)s;

-- name: load_completed_since
-- What was completed from an instant on, the newest first.
select * from ccm.named_task
where practice_id = %(practice_id)s and status = 'completed' and completed_at >= %(since)s
order by completed_at desc, task_id
limit %(limit)s;

-- name: count_tasks
-- How many open tasks there are of each severity, how many wait, how many are one's own; and what was completed since.
select count(*) filter (where not is_snoozed) as needs_action,
       count(*) filter (where not is_snoozed and severity = 'urgent') as urgent,
       count(*) filter (where not is_snoozed and severity = 'clinical') as clinical,
       count(*) filter (where not is_snoozed and severity = 'outreach') as outreach,
       count(*) filter (where not is_snoozed and severity = 'technical') as technical,
       count(*) filter (where is_snoozed) as snoozed,
       count(*) filter (where owner_staff_id = %(staff_id)s) as mine,
       (select count(*) from ccm.task
        where practice_id = %(practice_id)s and status = 'completed' and completed_at >= %(since)s) as resolved_today
from (
    select task.severity, task.owner_staff_id, coalesce(episode.snoozed_until > %(at)s, false) as is_snoozed
    from ccm.task
    join alerts.episode using (practice_id, episode_id)
    where task.practice_id = %(practice_id)s and task.status = 'open'
) open_task;

-- name: count_hidden
-- Open tasks of restricted patients whom the member of staff in force does not see: a number and nothing else.
select ccm.count_open_tasks(%(practice_id)s, ingest.hidden_patients());

-- name: count_measured_today
-- How many patients are in care, and how many of them have measured on the day that it is where they live.
select count(*) as in_care,
       count(*) filter (where exists (
           select from ingest.reading
           where reading.practice_id = patient.practice_id and reading.patient_id = patient.patient_id
             and reading.measured_at between %(at)s - interval '36 hours' and %(at)s + interval '1 hour'
             and reading.measured_day = (%(at)s at time zone patient.time_zone)::date)) as measured_today
from ingest.patient
where patient.practice_id = %(practice_id)s and exists (
    select from ccm.enrolment
    where enrolment.practice_id = patient.practice_id and enrolment.patient_id = patient.patient_id
      and enrolment.consent_documented_at <= %(at)s and %(at)s < enrolment.ended_at);
