-- What people and the clock do with an open episode. Roles: homevitals_console; homevitals_alerts for end_snooze and
-- start_anew, inside the evaluator's transaction; homevitals_scheduler for fall_back. Each also adds its event.

-- name: lock_episode
-- Whoever changes an episode and its task takes the episode first, so that two never wait for each other crosswise.
select from alerts.episode
where practice_id = %(practice_id)s and episode_id = %(episode_id)s
for update;

-- name: acknowledge
-- Only once: whoever comes second finds it acknowledged.
update alerts.episode set acknowledged_at = %(at)s, acknowledged_by = %(staff_id)s
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is null and acknowledged_at is null
returning episode_id;

-- name: take_back
-- Nobody has taken it on any more, whether somebody had or not.
update alerts.episode set acknowledged_at = null, acknowledged_by = null
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is null
returning episode_id;

-- name: snooze
-- A snooze that is prolonged keeps its beginning, from which its limit counts.
update alerts.episode set
    snoozed_at = case when snoozed_until > %(at)s then snoozed_at else %(at)s end, snoozed_until = %(until_at)s
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is null and %(until_at)s > %(at)s
returning episode_id;

-- name: end_snooze
-- Before its time: what ends by itself needs no change.
update alerts.episode set snoozed_at = null, snoozed_until = null
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is null and snoozed_until > %(at)s
returning episode_id;

-- name: start_anew
-- An episode that came back has been taken on by nobody, and nobody lets it wait.
update alerts.episode set acknowledged_at = null, acknowledged_by = null, snoozed_at = null, snoozed_until = null
where practice_id = %(practice_id)s and episode_id = %(episode_id)s
returning episode_id;

-- name: fall_back
-- Only one that is acknowledged.
update alerts.episode set acknowledged_at = null, acknowledged_by = null
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is null
  and acknowledged_at is not null
returning episode_id;

-- name: insert_deed
-- A line of an episode's history about what somebody did, or the clock.
insert into alerts.episode_event (practice_id, episode_id, at, event, note, staff_id, owner_id)
values (%(practice_id)s, %(episode_id)s, %(at)s, %(event)s, %(note)s, %(staff_id)s, %(owner_id)s);
