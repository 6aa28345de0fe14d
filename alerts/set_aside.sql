-- Statements about episodes of patients who are not active, or are again. Role: homevitals_console.

-- name: set_aside
-- All that are open, each with its line; the line has the ladder looked at, which then calls nobody.
with aside as (
    update alerts.episode set set_aside_at = %(at)s
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and closed_at is null and set_aside_at is null
    returning episode_id
)
insert into alerts.episode_event (practice_id, episode_id, at, event, note)
select %(practice_id)s, episode_id, %(at)s, 'set_aside', %(note)s from aside
returning episode_id;

-- name: end_runs
-- What the clock found goes on no more: nobody asks about it.
update alerts.clock_breach set ended_at = greatest(%(at)s, began_at)
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and ended_at is null;

-- name: take_up
-- What was set aside; what was closed meanwhile is closed, and may come back like any other.
with up as (
    update alerts.episode set set_aside_at = null
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and set_aside_at is not null
    returning episode_id, closed_at
)
insert into alerts.episode_event (practice_id, episode_id, at, event, note)
select %(practice_id)s, episode_id, %(at)s, 'taken_up', %(note)s from up where closed_at is null
returning episode_id;
