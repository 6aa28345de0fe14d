-- Statements of alerts. Roles: homevitals_alerts for the evaluator, homevitals_console for rules and for closing.

-- name: listen
-- Ingest notifies on this channel when it commits work; a poll each second covers what a lost connection missed.
listen homevitals_evaluation;

-- name: lock_patients
-- Makes evaluators take turns patient by patient until the transaction ends. All locks of a batch come in the order of
-- their keys, so that two evaluators never wait for each other crosswise.
select pg_advisory_xact_lock(key) from (
    select distinct hashtextextended('alerts.patient/' || patient_id, 0) as key
    from unnest(%(patient_ids)s::text[]) patient_id
    order by key
) ordered;

-- name: is_evaluated
-- Whether a reading was evaluated before: queued twice, it counts once.
select exists (
    select from alerts.evaluation where practice_id = %(practice_id)s and reading_id = %(reading_id)s
) as is_evaluated;

-- name: load_rules_of_practice
-- Every version of the practice's defaults; "infinity" becomes null, for Python has no such instant.
select practice_id, rule_id, version, patient_id, title, measure, comparison, limit_value, severity,
       due_within_minutes, in_force_from, nullif(in_force_until, 'infinity') as in_force_until, set_by, reason, source
from alerts.rule
where practice_id = %(practice_id)s and patient_id is null
order by severity desc, measure, comparison, version;

-- name: load_rules_of_patient
-- Every version of the practice's defaults and of the rules made for one patient: all that may ask about a reading.
select practice_id, rule_id, version, patient_id, title, measure, comparison, limit_value, severity,
       due_within_minutes, in_force_from, nullif(in_force_until, 'infinity') as in_force_until, set_by, reason, source
from alerts.rule
where practice_id = %(practice_id)s and (patient_id is null or patient_id = %(patient_id)s)
order by severity desc, measure, comparison, version;

-- name: end_rule_version
-- Ends the open version of a rule, if it began before.
update alerts.rule set in_force_until = %(at)s
where practice_id = %(practice_id)s and patient_id is not distinct from %(patient_id)s
  and measure = %(measure)s and comparison = %(comparison)s and severity = %(severity)s
  and in_force_until = 'infinity' and in_force_from < %(at)s
returning rule_id, version;

-- name: insert_rule_version
-- The index one_rule_in_force refuses it where another version is open.
insert into alerts.rule
    (practice_id, rule_id, version, patient_id, title, measure, comparison, limit_value, severity, due_within_minutes,
     in_force_from, set_by, reason, source)
values
    (%(practice_id)s, %(rule_id)s, %(version)s, %(patient_id)s, %(title)s, %(measure)s, %(comparison)s, %(limit_value)s,
     %(severity)s, %(due_within_minutes)s, %(at)s, %(set_by)s, %(reason)s, %(source)s);

-- name: record_breach
-- Opens an episode, or adds the breach to the one that is open, whoever else does the same at this moment: the partial
-- unique index one_open_episode decides. An episode that is being closed meanwhile is waited for and then opened anew.
insert into alerts.episode as episode
    (practice_id, episode_id, patient_id, rule_id, rule_version, severity, opened_at, breached_at)
values
    (%(practice_id)s, %(new_id)s, %(patient_id)s, %(rule_id)s, %(rule_version)s, %(severity)s, %(at)s, %(measured_at)s)
on conflict (practice_id, patient_id, rule_id) where closed_at is null do update set
    breach_count = episode.breach_count + 1,
    breached_at = greatest(episode.breached_at, excluded.breached_at)
returning episode_id, episode_id = %(new_id)s as is_new;

-- name: load_breaches_of_versions
-- In which episodes of the patient a reading and its other versions stand, and which of them is withdrawn there already.
select event.reading_id, event.measured_at, event.episode_id, episode.rule_id, episode.closed_at,
       (select withdrawn.at from alerts.episode_event withdrawn
        where withdrawn.practice_id = event.practice_id and withdrawn.episode_id = event.episode_id
          and withdrawn.reading_id = event.reading_id and withdrawn.event = 'reading_withdrawn') as withdrawn_at
from alerts.episode_event event
join alerts.episode using (practice_id, episode_id)
where event.practice_id = %(practice_id)s and event.reading_id = any (%(reading_ids)s)
  and event.event in ('opened', 'breached_again', 'corrected') and episode.patient_id = %(patient_id)s
order by event.at;

-- name: recount_breaches
-- After a reading was withdrawn from an episode or a corrected one took its place, also of a closed one.
update alerts.episode set breach_count = counted.readings, breached_at = coalesce(counted.newest_at, breached_at)
from (
    select count(distinct event.reading_id) as readings, max(event.measured_at) as newest_at
    from alerts.episode_event event
    where event.practice_id = %(practice_id)s and event.episode_id = %(episode_id)s
      and event.event in ('opened', 'breached_again', 'corrected')
      and not exists (
          select from alerts.episode_event withdrawn
          where withdrawn.practice_id = event.practice_id and withdrawn.episode_id = event.episode_id
            and withdrawn.reading_id = event.reading_id and withdrawn.event = 'reading_withdrawn')
) counted
where practice_id = %(practice_id)s and episode_id = %(episode_id)s;

-- name: insert_episode_event
-- A line of an episode's history.
insert into alerts.episode_event (practice_id, episode_id, at, event, reading_id, measured_at, note)
values (%(practice_id)s, %(episode_id)s, %(at)s, %(event)s, %(reading_id)s, %(measured_at)s, %(note)s);

-- name: insert_evaluation
-- One row per reading; the primary key refuses a second.
insert into alerts.evaluation
    (practice_id, reading_id, measured_at, patient_id, evaluated_at, outcome, silence, trace)
values
    (%(practice_id)s, %(reading_id)s, %(measured_at)s, %(patient_id)s, %(evaluated_at)s, %(outcome)s, %(silence)s,
     %(trace)s);

-- name: load_trace
-- Why a reading led to what it led to.
select trace from alerts.evaluation where practice_id = %(practice_id)s and reading_id = %(reading_id)s;

-- name: load_episode
-- One episode, open or closed.
select practice_id, episode_id, patient_id, rule_id, rule_version, severity, opened_at, breach_count, breached_at,
       closed_at, closed_by
from alerts.episode
where practice_id = %(practice_id)s and episode_id = %(episode_id)s;

-- name: load_episode_events
-- An episode's history, oldest first.
select at, event, reading_id, measured_at, note
from alerts.episode_event
where practice_id = %(practice_id)s and episode_id = %(episode_id)s
order by at, measured_at, event = 'corrected';

-- name: close_episode
-- Only an open one; the next breach then opens a new one.
update alerts.episode set closed_at = %(at)s, closed_by = %(closed_by)s
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is null
returning episode_id;
