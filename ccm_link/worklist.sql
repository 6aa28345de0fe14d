-- The worklist. Role: homevitals_console.

-- name: load_open
-- Open tasks, what is most urgent first, then what is due first: the index task_worklist has this order. Severity and owner
-- are null where they do not matter. The page is chosen before anything else is looked up for it.
with page as materialized (
    select task.task_id
    from ccm.task
    where task.practice_id = %(practice_id)s and task.status = 'open'
      and (%(severity)s::text is null
           or ccm.severity_order(task.severity) = ccm.severity_order(%(severity)s::text))
      and (%(owner_staff_id)s::uuid is null or task.owner_staff_id = %(owner_staff_id)s)
      and (%(with_snoozed)s or not exists (
          select from alerts.episode
          where episode.practice_id = task.practice_id and episode.episode_id = task.episode_id
            and episode.closed_at is null and episode.snoozed_until > %(at)s))
    order by ccm.severity_order(task.severity), task.due_at, task.task_id
    limit %(limit)s
)
select named_task.* from page join ccm.named_task using (task_id)
where practice_id = %(practice_id)s
order by ccm.severity_order(severity), due_at, task_id;

-- name: load_snoozed
-- Open tasks that somebody lets wait, in the same order: found by the index episode_snoozed, for they are few.
with page as materialized (
    select task.task_id
    from alerts.episode
    join ccm.task using (practice_id, episode_id)
    where episode.practice_id = %(practice_id)s and episode.closed_at is null and episode.snoozed_until > %(at)s
      and task.status = 'open'
    order by ccm.severity_order(task.severity), task.due_at, task.task_id
    limit %(limit)s
)
select named_task.* from page join ccm.named_task using (task_id)
where practice_id = %(practice_id)s
order by ccm.severity_order(severity), due_at, task_id;

-- name: load_completed_since
-- What was completed from an instant on, the newest first.
with page as materialized (
    select task_id from ccm.task
    where practice_id = %(practice_id)s and status = 'completed' and completed_at >= %(since)s
    order by completed_at desc, task_id
    limit %(limit)s
)
select named_task.* from page join ccm.named_task using (task_id)
where practice_id = %(practice_id)s
order by completed_at desc, task_id;

-- name: count_tasks
-- How many open tasks there are of each severity, how many wait, how many are one's own; and what was completed since.
with snoozed as materialized (
    select task.severity
    from alerts.episode
    join ccm.task using (practice_id, episode_id)
    where episode.practice_id = %(practice_id)s and episode.closed_at is null and episode.snoozed_until > %(at)s
      and task.status = 'open'
)
select count(*) - (select count(*) from snoozed) as needs_action,
       count(*) filter (where severity = 'urgent')
           - (select count(*) from snoozed where severity = 'urgent') as urgent,
       count(*) filter (where severity = 'clinical')
           - (select count(*) from snoozed where severity = 'clinical') as clinical,
       count(*) filter (where severity = 'outreach')
           - (select count(*) from snoozed where severity = 'outreach') as outreach,
       count(*) filter (where severity = 'technical')
           - (select count(*) from snoozed where severity = 'technical') as technical,
       (select count(*) from snoozed) as snoozed,
       count(*) filter (where owner_staff_id = %(staff_id)s) as mine,
       (select count(*) from ccm.task
        where practice_id = %(practice_id)s and status = 'completed' and completed_at >= %(since)s) as resolved_today
from ccm.task
where practice_id = %(practice_id)s and status = 'open';

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
