-- Statements of the watch, which asks the rules that the clock asks. Role: homevitals_alerts; but for the list of
-- practices, in the scope of one practice.

-- name: practices
-- All of them; each is then worked for alone.
select practice_id from ingest.practice order by practice_id;

-- name: begin
-- The row by which watches take turns.
insert into alerts.watch (practice_id) values (%(practice_id)s) on conflict do nothing;

-- name: take
-- Whether it is time to ask, and no other watch does. The row is held until the transaction ends.
select practice_id from alerts.watch
where practice_id = %(practice_id)s and asked_at <= %(before_at)s
for update skip locked;

-- name: done
-- The rules were asked.
update alerts.watch set asked_at = %(at)s, failed_at = null where practice_id = %(practice_id)s;

-- name: failed
-- They could not be asked; the next try is in its turn.
insert into alerts.watch (practice_id, asked_at, failed_at) values (%(practice_id)s, %(at)s, %(at)s)
on conflict (practice_id) do update set asked_at = excluded.asked_at, failed_at = excluded.failed_at;

-- name: load_asked
-- When the practice's rules were asked last; null where they never were, or the last try failed. Role homevitals_console.
select asked_at from alerts.watch
where practice_id = %(practice_id)s and failed_at is null and asked_at > '-infinity';

-- name: patients_with_rules
-- Patients for whom a rule of these severities was made: no other severity is asked by the clock.
select distinct patient_id from alerts.rule
where practice_id = %(practice_id)s and patient_id is not null and severity in ('outreach', 'technical')
  and in_force_until > %(at)s;

-- name: load_runs
-- Breaches that go on, with when their episode was closed, if it was.
select run.breach_id, run.patient_id, run.family, run.rule_id, run.rule_version, run.severity, run.sentence, run.link,
       run.next_step, run.episode_id, run.silence, run.window_id, episode.closed_at
from alerts.clock_breach run
left join alerts.episode on episode.practice_id = run.practice_id and episode.episode_id = run.episode_id
where run.practice_id = %(practice_id)s and run.ended_at is null;

-- name: add_run
-- A breach begins, or begins to be something else; the index one_run refuses a second one that goes on.
insert into alerts.clock_breach (
    practice_id, breach_id, patient_id, family, rule_id, rule_version, severity, began_at, sentence, link, next_step, told_at,
    episode_id, silence, window_id)
values (
    %(practice_id)s, gen_random_uuid(), %(patient_id)s, %(family)s, %(rule_id)s, %(rule_version)s, %(severity)s, %(at)s,
    %(sentence)s, %(link)s, %(next_step)s, %(at)s, %(episode_id)s, %(silence)s, %(window_id)s);

-- name: end_run
-- It is over, or goes on as something else.
update alerts.clock_breach set ended_at = %(at)s
where practice_id = %(practice_id)s and breach_id = %(breach_id)s and ended_at is null;

-- name: tell_run
-- More is known of it.
update alerts.clock_breach set sentence = %(sentence)s, link = %(link)s, next_step = %(next_step)s, told_at = %(at)s
where practice_id = %(practice_id)s and breach_id = %(breach_id)s;

-- name: join_episode
-- Breached again, after it was in range, in the episode that is open.
update alerts.episode set breach_count = breach_count + 1, breached_at = %(at)s, in_range_at = null
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is null;

-- name: load_of_patient
-- What the rules that the clock asks found of a patient since an instant, the newest first. Role homevitals_console.
select family, severity, began_at, ended_at, sentence, link, next_step, told_at, episode_id, silence
from alerts.clock_breach
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and began_at >= %(since)s
order by began_at desc, family
limit %(limit)s;

-- name: load_of_episode
-- What was found last of an episode. Role homevitals_console.
select family, severity, began_at, ended_at, sentence, link, next_step, told_at, episode_id, silence
from alerts.clock_breach
where practice_id = %(practice_id)s and episode_id = %(episode_id)s
order by began_at desc
limit 1;
