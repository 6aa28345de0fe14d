-- The worklist. Role: homevitals_console.

-- name: load_open
-- All that are open and do not wait, in the order of the worklist: urgent, overdue, due, undated; in each by
-- severity, then what is due first: the index task_in_order has this order. The page is chosen before anything else is
-- looked up for it, and whether a task waits is asked task by task: joined, all of them would be looked at. Who is not in
-- care here any more waits for nobody.
with page as materialized (
    select task.task_id
    from ccm.task
    where task.practice_id = %(practice_id)s and task.status = 'open'
      and coalesce(task.snoozed_until, (
          select episode.snoozed_until from alerts.episode
          where episode.practice_id = task.practice_id and episode.episode_id = task.episode_id
            and episode.closed_at is null), '-infinity') <= %(at)s
      and task.patient_id <> all (array(
          select patient_id from ingest.patient
          where patient.practice_id = %(practice_id)s and patient.standing <> 'active'))
    order by ccm.worklist_rank(task.severity, task.overdue_at, task.due_at), ccm.severity_order(task.severity),
             task.due_at, task.task_id
    limit %(limit)s
)
select named_task.* from page join ccm.named_task using (task_id)
where practice_id = %(practice_id)s
order by ccm.worklist_rank(severity, overdue_at, due_at), ccm.severity_order(severity), due_at, task_id;

-- name: load_of_severity
-- The same of one severity, in which what is overdue is due first anyway: the index task_worklist has this order.
with page as materialized (
    select task.task_id
    from ccm.task
    where task.practice_id = %(practice_id)s and task.status = 'open'
      and ccm.severity_order(task.severity) = ccm.severity_order(%(severity)s::text)
      and coalesce(task.snoozed_until, (
          select episode.snoozed_until from alerts.episode
          where episode.practice_id = task.practice_id and episode.episode_id = task.episode_id
            and episode.closed_at is null), '-infinity') <= %(at)s
      and task.patient_id <> all (array(
          select patient_id from ingest.patient
          where patient.practice_id = %(practice_id)s and patient.standing <> 'active'))
    order by ccm.severity_order(task.severity), task.due_at, task.task_id
    limit %(limit)s
)
select named_task.* from page join ccm.named_task using (task_id)
where practice_id = %(practice_id)s
order by due_at, task_id;

-- name: load_of_owners
-- Open tasks of some people, also those that wait, in the order of the worklist.
with page as materialized (
    select task.task_id
    from ccm.task
    where task.practice_id = %(practice_id)s and task.status = 'open' and task.owner_staff_id = any (%(owner_staff_ids)s)
      and task.patient_id <> all (array(
          select patient_id from ingest.patient
          where patient.practice_id = %(practice_id)s and patient.standing <> 'active'))
    order by ccm.worklist_rank(task.severity, task.overdue_at, task.due_at), ccm.severity_order(task.severity),
             task.due_at, task.task_id
    limit %(limit)s
)
select named_task.* from page join ccm.named_task using (task_id)
where practice_id = %(practice_id)s
order by ccm.worklist_rank(severity, overdue_at, due_at), ccm.severity_order(severity), due_at, task_id;

-- name: load_snoozed
-- Open tasks that somebody lets wait, in the same order: found by the indexes episode_snoozed and task_snoozed, for they are
-- few.
with waiting as (
    select task.task_id, task.patient_id, task.severity, task.overdue_at, task.due_at
    from alerts.episode
    join ccm.task using (practice_id, episode_id)
    where episode.practice_id = %(practice_id)s and episode.closed_at is null and episode.snoozed_until > %(at)s
      and task.status = 'open'
    union all
    select task.task_id, task.patient_id, task.severity, task.overdue_at, task.due_at
    from ccm.task
    where task.practice_id = %(practice_id)s and task.status = 'open' and task.snoozed_until > %(at)s
), page as materialized (
    select task_id
    from waiting
    where patient_id <> all (array(
        select patient_id from ingest.patient
        where patient.practice_id = %(practice_id)s and patient.standing <> 'active'))
    order by ccm.worklist_rank(severity, overdue_at, due_at), ccm.severity_order(severity), due_at, task_id
    limit %(limit)s
)
select named_task.* from page join ccm.named_task using (task_id)
where practice_id = %(practice_id)s
order by ccm.worklist_rank(severity, overdue_at, due_at), ccm.severity_order(severity), due_at, task_id;

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
-- How many open tasks there are of each severity, how many wait, how many are one's own or those of whom one stands in for;
-- and what was completed since. Who is not in care here any more is in none but the last.
with inactive as materialized (
    select array(select patient_id from ingest.patient
                 where practice_id = %(practice_id)s and standing <> 'active') as patient_ids
), counted as materialized (
    select severity, tasks
    from ccm.count_open_by_severity(
        %(practice_id)s, ingest.hidden_patients() || (select patient_ids from inactive))
), waiting as materialized (
    select task.severity
    from alerts.episode
    join ccm.task using (practice_id, episode_id)
    where episode.practice_id = %(practice_id)s and episode.closed_at is null and episode.snoozed_until > %(at)s
      and task.status = 'open' and task.patient_id <> all ((select patient_ids from inactive)::uuid[])
    union all
    select severity
    from ccm.task
    where practice_id = %(practice_id)s and status = 'open' and snoozed_until > %(at)s
      and patient_id <> all ((select patient_ids from inactive)::uuid[])
), shown as (
    select severity, tasks from counted
    union all
    select severity, -count(*) from waiting group by severity
)
select coalesce(sum(tasks), 0)::bigint as needs_action,
       coalesce(sum(tasks) filter (where severity = 'urgent'), 0)::bigint as urgent,
       coalesce(sum(tasks) filter (where severity = 'clinical'), 0)::bigint as clinical,
       coalesce(sum(tasks) filter (where severity = 'outreach'), 0)::bigint as outreach,
       coalesce(sum(tasks) filter (where severity = 'technical'), 0)::bigint as technical,
       (select count(*) from waiting) as snoozed,
       (select count(*) from ccm.task
        where practice_id = %(practice_id)s and status = 'open' and owner_staff_id = any (%(owner_staff_ids)s)
          and patient_id <> all ((select patient_ids from inactive)::uuid[])) as mine,
       (select count(*) from ccm.task
        where practice_id = %(practice_id)s and status = 'completed' and completed_at >= %(since)s) as resolved_today
from shown;

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
where patient.practice_id = %(practice_id)s and patient.standing = 'active' and exists (
    select from ccm.in_care
    where in_care.practice_id = patient.practice_id and in_care.patient_id = patient.patient_id
      and in_care.from_at <= %(at)s and %(at)s < in_care.until_at);
