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

-- name: load_rules_of_practice
-- Every version of the practice's rules, those for single patients too; "infinity" becomes null, for Python has no such
-- instant.
select practice_id, rule_id, version, scope, scope_key, is_asked, definition::text, in_force_from,
       nullif(in_force_until, 'infinity') as in_force_until, set_by, reason
from alerts.rule
where practice_id = %(practice_id)s
order by severity desc, family, scope, scope_key, version;

-- name: load_rules_of_patients
-- The versions that may have been asked about these patients' readings since an instant.
select practice_id, rule_id, version, scope, scope_key, is_asked, definition::text, in_force_from,
       nullif(in_force_until, 'infinity') as in_force_until, set_by, reason
from alerts.rule
where practice_id = %(practice_id)s and (patient_id is null or patient_id = any (%(patient_ids)s))
  and in_force_until > %(since)s
order by severity desc, family, scope, scope_key, version;

-- name: lock_rules
-- Lets one change of a practice's rules happen after the other, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('alerts.rules/' || %(practice_id)s::text, 0));

-- name: end_rule_version
-- Ends the version of a rule that holds at an instant or later, if it began before.
update alerts.rule set in_force_until = %(at)s
where practice_id = %(practice_id)s and scope = %(scope)s and scope_key = %(scope_key)s
  and family = %(family)s and severity = %(severity)s
  and in_force_until > %(at)s and in_force_from < %(at)s;

-- name: last_rule_version
-- Which rule answers a question for these people, its newest version, and whether one holds, or will, beyond an instant.
select rule_id, version, in_force_until > %(at)s as goes_on
from alerts.rule
where practice_id = %(practice_id)s and scope = %(scope)s and scope_key = %(scope_key)s
  and family = %(family)s and severity = %(severity)s
order by version desc
limit 1;

-- name: insert_rule_version
-- The index one_rule_in_force refuses it where another version is open.
insert into alerts.rule
    (practice_id, rule_id, version, patient_id, scope, scope_key, family, severity, is_asked, definition, in_force_from,
     in_force_until, set_by, reason)
values
    (%(practice_id)s, %(rule_id)s, %(version)s, %(patient_id)s, %(scope)s, %(scope_key)s, %(family)s, %(severity)s,
     %(is_asked)s, %(definition)s, %(at)s, coalesce(%(until)s::timestamptz, 'infinity'), %(set_by)s, %(reason)s);

-- name: record_rule_failure
-- A rule that could not be asked, counted.
insert into alerts.rule_failure as failure (practice_id, rule_id, rule_version, error, first_at, last_at)
values (%(practice_id)s, %(rule_id)s, %(rule_version)s, %(error)s, %(at)s, %(at)s)
on conflict (practice_id, rule_id, rule_version) do update set
    error = excluded.error, last_at = greatest(failure.last_at, excluded.last_at),
    failure_count = failure.failure_count + 1;

-- name: load_rule_failures
-- Rules that could not be asked since an instant, the newest failure first.
select rule_id, rule_version, error, first_at, last_at, failure_count
from alerts.rule_failure
where practice_id = %(practice_id)s and last_at >= %(since)s
order by last_at desc;

-- name: load_breaches
-- What is known of these readings' breaches.
select reading_id, family, patient_id, measured_at, rule_id, rule_version, severity, is_late, episode_id, silence,
       withdrawn_at
from alerts.breach
where practice_id = %(practice_id)s and reading_id = any (%(reading_ids)s);

-- name: insert_breach
-- A reading breaches each family once; found again after it was withdrawn, it counts again.
insert into alerts.breach
    (practice_id, reading_id, family, patient_id, measured_at, rule_id, rule_version, severity, found_at, is_late,
     episode_id, silence)
values
    (%(practice_id)s, %(reading_id)s, %(family)s, %(patient_id)s, %(measured_at)s, %(rule_id)s, %(rule_version)s,
     %(severity)s, %(at)s, %(is_late)s, %(episode_id)s, %(silence)s)
on conflict (practice_id, reading_id, family) do update set
    rule_id = excluded.rule_id, rule_version = excluded.rule_version, severity = excluded.severity,
    found_at = excluded.found_at, is_late = excluded.is_late, episode_id = excluded.episode_id,
    silence = excluded.silence, withdrawn_at = null;

-- name: withdraw_breach
-- The reading counts no more, or breaches the family no more.
update alerts.breach set withdrawn_at = %(at)s
where practice_id = %(practice_id)s and reading_id = %(reading_id)s and family = %(family)s and withdrawn_at is null;

-- name: hold_newest_episode
-- The family's newest episode of a patient, the open one if there is one; nobody closes it until the transaction ends.
select practice_id, episode_id, patient_id, rule_id, rule_version, family, severity, opened_at, breach_count, breached_at,
       escalated_at, returned_at, return_count, in_range_at, closed_at, closed_by
from alerts.episode
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and family = %(family)s
order by closed_at desc nulls first, opened_at desc
limit 1
for update;

-- name: open_episode
-- The index one_open_episode refuses a second one.
insert into alerts.episode
    (practice_id, episode_id, patient_id, rule_id, rule_version, family, severity, opened_at, breached_at)
values
    (%(practice_id)s, %(episode_id)s, %(patient_id)s, %(rule_id)s, %(rule_version)s, %(family)s, %(severity)s, %(opened_at)s,
     %(measured_at)s);

-- name: escalate_episode
-- A severer rule of the family is breached; severity never falls.
update alerts.episode
set severity = %(severity)s, rule_id = %(rule_id)s, rule_version = %(rule_version)s, escalated_at = %(opened_at)s
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is null;

-- name: return_episode
-- Breached again soon after it was closed: open again, with its history.
update alerts.episode
set closed_at = null, closed_by = null, returned_at = %(opened_at)s, return_count = return_count + 1, severity = %(severity)s,
    rule_id = %(rule_id)s, rule_version = %(rule_version)s
where practice_id = %(practice_id)s and episode_id = %(episode_id)s and closed_at is not null;

-- name: load_open_episodes
-- The open episodes of some patients.
select practice_id, episode_id, patient_id, rule_id, rule_version, family, severity, opened_at, breach_count, breached_at,
       escalated_at, returned_at, return_count, in_range_at, closed_at, closed_by
from alerts.episode
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and closed_at is null;

-- name: mark_in_range
-- A reading newer than every breach is in range: the first such one is worth a line of history.
update alerts.episode episode set in_range_at = greatest(%(measured_at)s, episode.in_range_at)
from (select in_range_at from alerts.episode
      where practice_id = %(practice_id)s and episode_id = %(episode_id)s) former
where episode.practice_id = %(practice_id)s and episode.episode_id = %(episode_id)s and episode.closed_at is null
  and episode.breached_at < %(measured_at)s
returning former.in_range_at is null as is_first;

-- name: recount_breaches
-- After a breach joined an episode or was withdrawn from it, also from a closed one.
update alerts.episode set
    breach_count = counted.readings,
    breached_at = coalesce(counted.newest_at, breached_at),
    in_range_at = case when in_range_at > counted.newest_at or counted.newest_at is null then in_range_at end
from (
    select count(*) as readings, max(measured_at) as newest_at
    from alerts.breach
    where practice_id = %(practice_id)s and episode_id = %(episode_id)s and withdrawn_at is null
) counted
where practice_id = %(practice_id)s and episode_id = %(episode_id)s;

-- name: insert_episode_event
-- A line of an episode's history.
insert into alerts.episode_event (practice_id, episode_id, at, event, reading_id, measured_at, note)
values (%(practice_id)s, %(episode_id)s, %(at)s, %(event)s, %(reading_id)s, %(measured_at)s, %(note)s);

-- name: load_revisions
-- Which of these readings were evaluated, how often, and what came of it last.
select distinct on (reading_id) reading_id, revision, outcome
from alerts.evaluation
where practice_id = %(practice_id)s and reading_id = any (%(reading_ids)s)
order by reading_id, revision desc;

-- name: insert_evaluation
-- What a reading meant; the primary key refuses a second of the same revision.
insert into alerts.evaluation
    (practice_id, reading_id, revision, measured_at, patient_id, evaluated_at, outcome, silence, trace)
values
    (%(practice_id)s, %(reading_id)s, %(revision)s, %(measured_at)s, %(patient_id)s, %(evaluated_at)s, %(outcome)s,
     %(silence)s, %(trace)s);

-- name: load_trace
-- Why a reading led to what it led to, as of its newest evaluation.
select trace from alerts.evaluation
where practice_id = %(practice_id)s and reading_id = %(reading_id)s
order by revision desc
limit 1;

-- name: load_episode
-- One episode, open or closed.
select practice_id, episode_id, patient_id, rule_id, rule_version, family, severity, opened_at, breach_count, breached_at,
       escalated_at, returned_at, return_count, in_range_at, closed_at, closed_by
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
