-- Statements about tasks that no alert made. Role: homevitals_console.

-- name: open_task
-- Of one origin and subject there is one task for ever; no row comes back where it is there already.
insert into ccm.task (practice_id, patient_id, origin, subject, title, why, severity, candidate_role, owner_staff_id,
                      made_by, opened_at, due_at, acknowledged_at, follows_task_id)
values (%(practice_id)s, %(patient_id)s, %(origin)s, %(subject)s, %(title)s, %(why)s, %(severity)s, %(candidate_role)s,
        %(owner_staff_id)s, %(made_by)s, %(opened_at)s, %(due_at)s, %(acknowledged_at)s, %(follows_task_id)s)
on conflict do nothing
returning task_id;

-- name: id_of_subject
-- The task that is there already.
select task_id from ccm.task
where practice_id = %(practice_id)s and origin = %(origin)s and subject = %(subject)s;

-- name: follow_ups
-- The tasks that the completion of one opened, oldest first.
select task_id, title, status from ccm.task
where practice_id = %(practice_id)s and follows_task_id = %(task_id)s
order by opened_at, task_id;
