-- Statements that open what is due by schedules. Role: homevitals_scheduler, in the scope of one practice.

-- name: load_in_force
-- Schedules that have begun and are not ended.
select schedule_id, patient_id, program, title, why, severity, candidate_role, every, unit, first_on, until_on,
       due_after_days, due_time, made_at
from ccm.task_schedule
where practice_id = %(practice_id)s and first_on <= %(today)s and ended_at > %(at)s
order by schedule_id;

-- name: load_due
-- For whom a day of a schedule has come and no task was opened for it: who is in the program (or the one patient), was so on
-- that day, is active, and has no open task of the schedule, which stands for the day as well until it is completed. Whose
-- the task is to be: the schedule's owner, or the care manager whom the patient's team names, as long as that one works
-- here and sees the patient.
with member as (
    select in_care.patient_id, min(in_care.from_at) as since_at
    from ccm.in_care
    where in_care.practice_id = %(practice_id)s and in_care.program = %(program)s
      and in_care.from_at <= %(at)s and %(at)s < in_care.until_at
      and (%(patient_id)s::uuid is null or in_care.patient_id = %(patient_id)s)
    group by in_care.patient_id
    union all
    select %(patient_id)s::uuid, %(made_at)s::timestamptz where %(program)s::text is null
), due as (
    select member.patient_id, greatest(member.since_at, upper(inactive.spans)) as since_at
    from member
    left join ingest.inactive_time inactive
        on inactive.practice_id = %(practice_id)s and inactive.patient_id = member.patient_id
    where not coalesce(inactive.spans @> %(at)s::timestamptz, false)
      and greatest(member.since_at, upper(inactive.spans)) < %(day_ends_at)s
      and not exists (
          select from ccm.task
          where task.practice_id = %(practice_id)s and task.schedule_id = %(schedule_id)s
            and task.patient_id = member.patient_id and (task.occurs_on >= %(occurs_on)s or task.status = 'open'))
    order by member.patient_id
    limit %(limit)s
)
select due.patient_id, due.since_at,
       (select max(task.occurs_on) from ccm.task
        where task.practice_id = %(practice_id)s and task.schedule_id = %(schedule_id)s
          and task.patient_id = due.patient_id) as made_on,
       owner.staff_id as owner_staff_id
from due
join ccm.task_schedule schedule on schedule.practice_id = %(practice_id)s and schedule.schedule_id = %(schedule_id)s
left join ccm.team_member manager
    on schedule.to_care_manager and manager.practice_id = schedule.practice_id and manager.patient_id = due.patient_id
   and manager.role = 'care_manager' and manager.from_at <= %(at)s and %(at)s < manager.until_at
left join ingest.staff owner
    on owner.practice_id = schedule.practice_id
   and owner.staff_id = coalesce(schedule.owner_staff_id, manager.staff_id)
   and owner.role in ('care_manager', 'clinician') and owner.disabled_at is null
   and (not exists (
           select from ingest.restriction
           where restriction.practice_id = schedule.practice_id and restriction.patient_id = due.patient_id
             and restriction.ended_at = 'infinity')
       or exists (
           select from ingest.care_team_member member
           where member.practice_id = schedule.practice_id and member.patient_id = due.patient_id
             and member.staff_id = owner.staff_id and member.left_at = 'infinity'))
order by due.patient_id;

-- name: open_task
-- No row comes back where another scheduler was quicker.
insert into ccm.task (practice_id, patient_id, origin, subject, title, why, severity, candidate_role, owner_staff_id,
                      opened_at, due_at, schedule_id, occurs_on)
values (%(practice_id)s, %(patient_id)s, 'schedule', %(subject)s, %(title)s, %(why)s, %(severity)s, %(candidate_role)s,
        %(owner_staff_id)s, %(opened_at)s, %(due_at)s, %(schedule_id)s, %(occurs_on)s)
on conflict do nothing
returning task_id;
