-- Statements about what waits with patients who are not active. Role: homevitals_console.

-- name: count_open_tasks
-- How many they are.
select count(*)
from ingest.patient
join ccm.task using (practice_id, patient_id)
where patient.practice_id = %(practice_id)s and patient.standing <> 'active' and task.status = 'open';

-- name: open_tasks
-- Open tasks of all who are not active: the one place where they are shown.
select task.task_id, task.patient_id, task.title, task.severity, task.opened_at, owner.display_name as owner_name
from ingest.patient
join ccm.task using (practice_id, patient_id)
left join ingest.staff owner on owner.practice_id = task.practice_id and owner.staff_id = task.owner_staff_id
where patient.practice_id = %(practice_id)s and patient.standing <> 'active' and task.status = 'open'
order by task.opened_at, task.task_id
limit %(limit)s;
