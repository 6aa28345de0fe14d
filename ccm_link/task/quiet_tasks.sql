-- Tasks that were taken on and then left alone. Role: homevitals_scheduler, in the scope of one practice.

-- name: load_quiet
-- Acknowledged tasks on which their owner has done nothing for longer than their severity allows: changed nothing, logged
-- no time, and no timer of theirs runs on it. A snooze counts as work until it ends. Whatever another scheduler or a person
-- is changing at this moment is left to them.
select task.task_id, task.episode_id, task.owner_staff_id, task.row_version, task.severity
from ccm.task
join alerts.episode using (practice_id, episode_id)
join unnest(%(severities)s::text[], %(quiet_before)s::timestamptz[]) allowed (severity, quiet_before)
    on allowed.severity = task.severity
where task.practice_id = %(practice_id)s and task.status = 'open' and task.owner_staff_id is not null
  and episode.closed_at is null and episode.set_aside_at is null and episode.acknowledged_at <= quiet_before
  and coalesce(episode.snoozed_until, '-infinity') <= quiet_before
  and not exists (
      select from ccm.task_event event
      where event.practice_id = task.practice_id and event.task_id = task.task_id
        and event.staff_id = task.owner_staff_id and event.at > quiet_before)
  and not exists (
      select from ccm.time_entry entry
      where entry.practice_id = task.practice_id and entry.patient_id = task.patient_id
        and entry.started_at > quiet_before - interval '8 hours' and entry.task_id = task.task_id
        and entry.staff_id = task.owner_staff_id and greatest(entry.ended_at, entry.entered_at) > quiet_before)
  and not exists (
      select from ccm.timer
      where timer.practice_id = task.practice_id and timer.staff_id = task.owner_staff_id
        and timer.task_id = task.task_id and timer.started_at > %(timers_since)s)
order by task.due_at, task.task_id
limit %(limit)s
for update of episode skip locked;

-- name: give_back
-- If it is still the row that was looked at.
update ccm.task set owner_staff_id = null, row_version = row_version + 1
where practice_id = %(practice_id)s and task_id = %(task_id)s and status = 'open'
  and owner_staff_id = %(owner_staff_id)s and row_version = %(row_version)s
returning task_id;
