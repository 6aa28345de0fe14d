-- Tasks whose time is over. Role: homevitals_scheduler, in the scope of one practice.

-- name: load_overdue
-- Open tasks that are due for longer than their severity allows and were not marked yet. What somebody lets wait is not
-- overdue until the wait is over, nor is a planned task on which its owner's timer runs. Whatever another scheduler or a
-- person is changing at this moment is left to them.
select task.task_id, task.episode_id, task.owner_staff_id
from ccm.task
join unnest(%(severities)s::text[], %(due_before)s::timestamptz[]) allowed (severity, due_before)
    on allowed.severity = task.severity
left join alerts.episode on episode.practice_id = task.practice_id and episode.episode_id = task.episode_id
where task.practice_id = %(practice_id)s and task.status = 'open' and task.overdue_at is null
  and task.due_at <= %(at)s and task.due_at <= allowed.due_before
  and coalesce(episode.snoozed_until, task.snoozed_until, '-infinity') <= %(at)s
  and not exists (
      select from ingest.inactive_time inactive
      where inactive.practice_id = task.practice_id and inactive.patient_id = task.patient_id
        and inactive.spans @> %(at)s::timestamptz)
  and (task.episode_id is not null or not exists (
      select from ccm.timer
      where timer.practice_id = task.practice_id and timer.staff_id = task.owner_staff_id
        and timer.task_id = task.task_id and timer.started_at > %(timers_since)s))
order by task.due_at, task.task_id
limit %(limit)s
for update of task skip locked;

-- name: mark
-- Once. A planned task is nobody's any more; whoever looks at an older page of it is told so. One of an alert stays its
-- owner's, whom its ladder and the clock of quiet tasks watch.
update ccm.task set
    overdue_at = %(at)s,
    owner_staff_id = case when episode_id is null then null else owner_staff_id end,
    acknowledged_at = null,
    row_version = row_version + case when episode_id is null and owner_staff_id is not null then 1 else 0 end
where practice_id = %(practice_id)s and task_id = %(task_id)s and status = 'open' and overdue_at is null
returning task_id;
