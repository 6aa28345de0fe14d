-- Statements about what alerts cost and what came of them. Role: homevitals_console; of_practices: homevitals_scheduler.

-- name: by_rule
-- For each subject and severity, and again for each rule version of it: the tasks opened in a span of time, how many are
-- done, and how long it took until a person first touched one and until it was done. An episode counts for the rule that
-- it reached in the end; rules for single patients are one line.
with opened as (
    select episode.family, episode.severity, rule.definition ->> 'title' as title, rule.scope, rule.scope_key,
           case when rule.scope <> 'patient' then episode.rule_id end as rule_id,
           case when rule.scope <> 'patient' then episode.rule_version end as rule_version,
           task.disposition, extract(epoch from task.completed_at - task.opened_at)::double precision as done_after_s,
           (select extract(epoch from min(event.at) - task.opened_at)::double precision from ccm.task_event event
            where event.practice_id = task.practice_id and event.task_id = task.task_id
              and event.staff_id is not null) as seen_after_s
    from ccm.task
    join alerts.episode using (practice_id, episode_id)
    join alerts.rule on rule.practice_id = episode.practice_id and rule.rule_id = episode.rule_id
                     and rule.version = episode.rule_version
    where task.practice_id = %(practice_id)s and task.opened_at >= %(since)s and task.opened_at < %(until)s
)
select family, severity, grouping(rule_id) = 1 as is_total, rule_id, rule_version, max(title) as title,
       case when grouping(rule_id) = 0 then max(scope) end as scope,
       count(*) as opened, count(disposition) as done,
       percentile_cont(0.5) within group (order by seen_after_s) as seen_after_s,
       percentile_cont(0.5) within group (order by done_after_s) as done_after_s
from opened
group by grouping sets ((family, severity), (family, severity, rule_id, rule_version))
order by count(*) desc, family, severity, rule_version;

-- name: dispositions
-- How often a task of each rule version ended how.
select episode.family, episode.severity,
       case when rule.scope <> 'patient' then episode.rule_id end as rule_id,
       case when rule.scope <> 'patient' then episode.rule_version end as rule_version,
       task.disposition, count(*) as tasks
from ccm.task
join alerts.episode using (practice_id, episode_id)
join alerts.rule on rule.practice_id = episode.practice_id and rule.rule_id = episode.rule_id
                 and rule.version = episode.rule_version
where task.practice_id = %(practice_id)s and task.opened_at >= %(since)s and task.opened_at < %(until)s
  and task.disposition is not null
group by 1, 2, 3, 4, 5;

-- name: patient_days
-- How many days of how many patients the program had in a span of time; days on which they were not active are none.
select count(*) as patients,
       coalesce(sum((select sum(extract(epoch from upper(part) - lower(part))) from unnest(spans) part)), 0)::double precision
           / 86400 as patient_days
from (
    select enrolled.spans - coalesce(inactive.spans, '{}') as spans
    from (
        select patient_id, range_agg(tstzrange(from_at, until_at) * tstzrange(%(since)s, %(until)s)) as spans
        from ccm.in_care
        where practice_id = %(practice_id)s and from_at < %(until)s and until_at > %(since)s
        group by patient_id
    ) enrolled
    left join ingest.inactive_time inactive
        on inactive.practice_id = %(practice_id)s and inactive.patient_id = enrolled.patient_id
) cared_for
where not isempty(spans);

-- name: by_day
-- How many tasks alerts opened on each of the practice's own days that had some.
select (task.opened_at at time zone practice.time_zone)::date as day, count(*) as tasks,
       count(*) filter (where task.severity = 'urgent') as urgent
from ccm.task
join ingest.practice using (practice_id)
where task.practice_id = %(practice_id)s and task.episode_id is not null and task.opened_at >= %(since)s and task.opened_at < %(until)s
group by 1
order by 1;

-- name: by_person
-- How many of the tasks that alerts opened in a span of time each member of staff has finished, and holds now; of those who are not
-- active nobody holds any.
select staff.staff_id, staff.display_name, staff.role, count(task.disposition) as done,
       count(*) filter (where task.disposition is null and not exists (
           select from ingest.patient
           where patient.practice_id = task.practice_id and patient.patient_id = task.patient_id
             and patient.standing <> 'active')) as held
from ccm.task
join ingest.staff on staff.practice_id = task.practice_id and staff.staff_id = task.owner_staff_id
where task.practice_id = %(practice_id)s and task.episode_id is not null and task.opened_at >= %(since)s and task.opened_at < %(until)s
group by staff.staff_id, staff.display_name, staff.role
order by done desc, staff.display_name, staff.staff_id;

-- name: of_practices
-- The numbers of each practice with enrolled patients, for the log.
select practice_id, coalesce(opened.tasks, 0) as tasks, coalesce(opened.actionable, 0) as actionable,
       coalesce(opened.not_actionable, 0) as not_actionable, enrolled.patient_days
from (
    select practice_id, (sum(extract(epoch from upper(part) - lower(part))) / 86400)::double precision as patient_days
    from (
        select practice_id, patient_id, range_agg(tstzrange(from_at, until_at) * tstzrange(%(since)s, %(until)s)) as spans
        from ccm.in_care
        where from_at < %(until)s and until_at > %(since)s
        group by practice_id, patient_id
    ) in_care
    left join ingest.inactive_time inactive using (practice_id, patient_id)
    cross join unnest(in_care.spans - coalesce(inactive.spans, '{}')) as part
    group by practice_id
) enrolled
left join (
    select practice_id, count(*) as tasks, count(*) filter (where disposition = any (%(actionable)s)) as actionable,
           count(*) filter (where disposition = any (%(not_actionable)s)) as not_actionable
    from ccm.task
    where episode_id is not null and opened_at >= %(since)s and opened_at < %(until)s
    group by practice_id
) opened using (practice_id);
