-- Statements of tasks. Role: homevitals_console; homevitals_alerts, inside the evaluator's transaction, for insert, insert_event,
-- escalate, reopen and load_id_of_episode; homevitals_scheduler for insert_event.

-- name: insert
-- The open task of an episode.
insert into ccm.task (practice_id, patient_id, episode_id, title, severity, opened_at, due_at)
values (%(practice_id)s, %(patient_id)s, %(episode_id)s, %(title)s, %(severity)s, %(opened_at)s, %(due_at)s)
returning task_id;

-- name: insert_event
-- A line of a task's history.
insert into ccm.task_event (practice_id, task_id, at, event, staff_id, note, disposition, until_at, owner_staff_id)
values (%(practice_id)s, %(task_id)s, %(at)s, %(event)s, %(staff_id)s, %(note)s, %(disposition)s, %(until_at)s,
        %(owner_staff_id)s);

-- name: escalate
-- The open task of an episode that became severer: its due time comes nearer and its severity rises; neither ever falls.
update ccm.task set
    title = %(title)s, severity = %(severity)s, due_at = least(due_at, %(due_at)s), row_version = row_version + 1
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and status = 'open'
  and ccm.severity_order(%(severity)s) < ccm.severity_order(severity)
returning task_id;

-- name: reopen
-- The completed task of an episode that came back: nobody's, and as severe and soon due as a new one.
update ccm.task set
    title = %(title)s, severity = %(severity)s, due_at = %(due_at)s, status = 'open', owner_staff_id = null,
    completed_at = null, disposition = null, disposition_note = null, overdue_at = null, row_version = row_version + 1
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and status = 'completed'
returning task_id;

-- name: load_id_of_episode
-- The one task of an episode, for the task sink, which needs no more of it.
select task_id from ccm.task where practice_id = %(practice_id)s and episode_id = %(episode_id)s;

-- name: load
-- One task.
select * from ccm.named_task where practice_id = %(practice_id)s and task_id = %(task_id)s;

-- name: load_of_episode
-- The one task of an episode.
select * from ccm.named_task where practice_id = %(practice_id)s and episode_id = %(episode_id)s;

-- name: load_of_patient
-- Open ones first, then the newest.
select * from ccm.named_task
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by status desc, opened_at desc, task_id
limit %(limit)s;

-- name: load_events
-- A task's history, oldest first.
select event.at, event.event, event.staff_id, staff.display_name as staff_name, event.note, event.disposition,
       event.until_at, owner.display_name as owner_name
from ccm.task_event event
left join ingest.staff using (practice_id, staff_id)
left join ingest.staff owner on owner.practice_id = event.practice_id and owner.staff_id = event.owner_staff_id
where event.practice_id = %(practice_id)s and event.task_id = %(task_id)s
order by event.at, event.event_no;

-- name: lock_task
-- Of a planned task; one of an alert has its episode locked.
select from ccm.task where practice_id = %(practice_id)s and task_id = %(task_id)s for update;

-- name: stand
-- Since when a planned task is taken on, and until when it waits; an alert's episode keeps that.
update ccm.task set
    acknowledged_at = %(acknowledged_at)s, snoozed_at = %(snoozed_at)s, snoozed_until = %(snoozed_until)s
where practice_id = %(practice_id)s and task_id = %(task_id)s and episode_id is null
returning task_id;

-- name: claim
-- Gives an open task that is unowned, was assigned to this person, or is that of a colleague for whom they stand in, its
-- owner, if it is still the row looked at.
update ccm.task set owner_staff_id = %(staff_id)s, row_version = row_version + 1
where practice_id = %(practice_id)s and task_id = %(task_id)s and status = 'open' and row_version = %(row_version)s
  and (coalesce(owner_staff_id, %(staff_id)s) = %(staff_id)s or exists (
      select from ccm.staff_cover cover
      where cover.practice_id = task.practice_id and cover.staff_id = task.owner_staff_id
        and cover.covered_by = %(staff_id)s and cover.called_off_at is null
        and cover.starts_at <= %(at)s and %(at)s < cover.ends_at))
returning task_id;

-- name: assign
-- Gives an open task another owner, if it is still the row that was looked at.
update ccm.task set owner_staff_id = %(owner_staff_id)s, row_version = row_version + 1
where practice_id = %(practice_id)s and task_id = %(task_id)s
  and status = 'open' and owner_staff_id is distinct from %(owner_staff_id)s and row_version = %(row_version)s
returning task_id;

-- name: load_colleagues
-- Who can be given a patient's task: people of clinical roles with an open account, of the care team where there is one.
select staff_id, display_name, role
from ingest.staff
where practice_id = %(practice_id)s and role in ('care_manager', 'clinician') and disabled_at is null
  and (not exists (
          select from ingest.restriction
          where restriction.practice_id = staff.practice_id and restriction.patient_id = %(patient_id)s
            and restriction.ended_at = 'infinity')
      or exists (
          select from ingest.care_team_member member
          where member.practice_id = staff.practice_id and member.patient_id = %(patient_id)s
            and member.staff_id = staff.staff_id and member.left_at = 'infinity'))
order by display_name, staff_id;

-- name: touch
-- Counts a change that is kept with the episode, of an open task that is nobody's or this person's.
update ccm.task set row_version = row_version + 1
where practice_id = %(practice_id)s and task_id = %(task_id)s
  and status = 'open' and coalesce(owner_staff_id, %(staff_id)s) = %(staff_id)s and row_version = %(row_version)s
returning task_id;

-- name: release
-- Takes the owner off an open task, if it is still the row that was looked at.
update ccm.task set owner_staff_id = null, row_version = row_version + 1
where practice_id = %(practice_id)s and task_id = %(task_id)s
  and status = 'open' and owner_staff_id is not null and row_version = %(row_version)s
returning task_id;

-- name: complete
-- An unclaimed task becomes the property of who completes it; a colleague's is left alone.
update ccm.task set
    status = 'completed', owner_staff_id = %(staff_id)s, completed_at = %(at)s,
    disposition = %(disposition)s, disposition_note = %(note)s, row_version = row_version + 1
where practice_id = %(practice_id)s and task_id = %(task_id)s
  and status = 'open' and coalesce(owner_staff_id, %(staff_id)s) = %(staff_id)s and row_version = %(row_version)s
returning task_id;

