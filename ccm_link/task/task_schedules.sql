-- Statements about schedules. Role: homevitals_console.

-- name: set_up
-- A new schedule; it is never changed, only ended.
insert into ccm.task_schedule (practice_id, patient_id, program, title, why, severity, candidate_role, owner_staff_id,
                               to_care_manager, every, unit, first_on, until_on, due_after_days, due_time, made_by, made_at)
values (%(practice_id)s, %(patient_id)s, %(program)s, %(title)s, %(why)s, %(severity)s, %(candidate_role)s,
        %(owner_staff_id)s, %(to_care_manager)s, %(every)s, %(unit)s, %(first_on)s, %(until_on)s, %(due_after_days)s,
        %(due_time)s, %(made_by)s, %(at)s)
returning schedule_id;

-- name: end_schedule
-- Once. A patient's is ended from that patient's pages, a program's from the practice's.
update ccm.task_schedule set ended_at = %(at)s, ended_by = %(staff_id)s, end_reason = %(reason)s
where practice_id = %(practice_id)s and schedule_id = %(schedule_id)s
  and patient_id is not distinct from %(patient_id)s::uuid and ended_at = 'infinity' and made_at < %(at)s
returning schedule_id;

-- name: end_all
-- Those of one patient alone, by nobody of their own will: the patient's standing ends them.
update ccm.task_schedule set ended_at = %(at)s, end_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and ended_at = 'infinity' and made_at < %(at)s;

-- name: programs
-- In which programs somebody is.
select distinct program from ccm.in_care where practice_id = %(practice_id)s and until_at > %(at)s order by program;

-- name: load_of_patient
-- Those of one patient, what holds first; of all programs where no patient is named. "infinity" becomes null, for Python
-- has no such instant.
select schedule.schedule_id, schedule.patient_id, schedule.program, schedule.title, schedule.why, schedule.severity,
       schedule.candidate_role, schedule.owner_staff_id, owner.display_name as owner_name, schedule.to_care_manager,
       schedule.every, schedule.unit, schedule.first_on, schedule.until_on, schedule.due_after_days, schedule.due_time,
       maker.display_name as made_by_name, schedule.made_at, nullif(schedule.ended_at, 'infinity') as ended_at,
       ender.display_name as ended_by_name, schedule.end_reason
from ccm.task_schedule schedule
join ingest.staff maker on maker.practice_id = schedule.practice_id and maker.staff_id = schedule.made_by
left join ingest.staff owner on owner.practice_id = schedule.practice_id and owner.staff_id = schedule.owner_staff_id
left join ingest.staff ender on ender.practice_id = schedule.practice_id and ender.staff_id = schedule.ended_by
where schedule.practice_id = %(practice_id)s and schedule.patient_id is not distinct from %(patient_id)s::uuid
order by schedule.ended_at desc, schedule.title, schedule.made_at, schedule.schedule_id;
