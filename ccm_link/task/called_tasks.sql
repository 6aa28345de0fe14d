-- Statements about tasks that somebody is called for. Roles: homevitals_notifier for the first, homevitals_console for the
-- second.

-- name: of_episodes
-- Which task an episode made, and who owns it.
select episode_id, task_id, owner_staff_id from ccm.task
where practice_id = %(practice_id)s and episode_id = any (%(episode_ids)s);

-- name: that_need
-- Open tasks for which the console calls a member of staff or everybody, in the round that still goes on.
select task.task_id, task.severity, max(message.queued_at) as called_at
from alerts.notification message
join alerts.episode using (practice_id, episode_id)
join ccm.task using (practice_id, episode_id)
where message.practice_id = %(practice_id)s and message.channel = 'console'
  and (message.staff_id = %(staff_id)s or message.staff_id is null)
  and episode.closed_at is null and episode.acknowledged_at is null and episode.set_aside_at is null
  and (episode.snoozed_until is null or episode.snoozed_until <= %(now)s)
  and task.status <> 'completed'
  and message.round_at = (
      select max(call.round_at) from alerts.rung_call call
      where call.practice_id = message.practice_id and call.episode_id = message.episode_id)
group by task.task_id, task.severity
order by max(message.queued_at) desc
limit %(most)s;
