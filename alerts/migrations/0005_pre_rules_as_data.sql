-- Rules are data: what a rule watches for is a JSON document, for whom it holds is a scope, and rules of one family are one
-- subject with one episode of a patient at a time. Breaches get a row each, also those that nobody was called for.

alter table alerts.rule
    add column scope text not null default 'practice' check (scope in ('practice', 'program', 'condition', 'patient')),
    add column scope_key text not null default '',  -- which program, condition (ICD-10-CM code or its beginning), patient
    add column family text,
    add column is_asked boolean not null default true,
    add column definition jsonb;

-- The limits for single readings that were in force until now become rules like any other.
alter table alerts.rule no force row level security;
update alerts.rule set
    scope = case when patient_id is null then 'practice' else 'patient' end,
    scope_key = coalesce(patient_id::text, ''),
    family = case measure || '/' || comparison
        when 'systolic_mmhg/at_or_above' then 'systolic-high' when 'systolic_mmhg/below' then 'systolic-low'
        when 'diastolic_mmhg/at_or_above' then 'diastolic-high' when 'diastolic_mmhg/below' then 'diastolic-low'
        when 'pulse_bpm/at_or_above' then 'pulse-fast' when 'pulse_bpm/below' then 'pulse-slow'
        when 'glucose_mg_dl/at_or_above' then 'glucose-high' else 'glucose-low' end;
update alerts.rule set definition = jsonb_build_object(
    'family', family, 'title', title, 'severity', severity, 'due_within_minutes', due_within_minutes, 'source', source,
    'signal', jsonb_build_object('form', 'single', 'measure', measure, 'comparison', comparison,
                                 'limit_value', limit_value, 'clear_value', 0.0));
alter table alerts.rule force row level security;

drop index alerts.one_rule_in_force;
alter table alerts.rule
    alter column family set not null,
    alter column definition set not null,
    drop column title, drop column measure, drop column comparison, drop column limit_value,
    drop column due_within_minutes, drop column source,
    drop constraint rule_severity_check,
    add constraint rule_severity_check check (severity in ('urgent', 'clinical', 'outreach', 'technical')),
    add constraint rule_scope_key check ((scope = 'practice') = (scope_key = '')),
    add constraint rule_patient check (patient_id is not distinct from
        case when scope = 'patient' then scope_key::uuid end);
-- Family, severity and for whom: that is the rule. Two open versions of it would be two answers to one question.
create unique index one_rule_in_force on alerts.rule (practice_id, scope, scope_key, family, severity)
    where in_force_until = 'infinity';

-- A rule that could not be asked: it stops no other, and is reported until somebody mends it.
create table alerts.rule_failure (
    practice_id   uuid not null,
    rule_id       uuid not null,
    rule_version  integer not null,
    error         text not null,                    -- its kind, without any content
    first_at      timestamptz not null,
    last_at       timestamptz not null,
    failure_count bigint not null default 1,
    primary key (practice_id, rule_id, rule_version),
    foreign key (practice_id, rule_id, rule_version) references alerts.rule
);

alter table alerts.episode
    add column family text,
    add column escalated_at timestamptz,             -- when it last became severer
    add column returned_at timestamptz,              -- when a breach soon after closing last brought it back
    add column return_count integer not null default 0,
    add column in_range_at timestamptz;              -- when the newest reading in range was measured, if newer than all breaches
alter table alerts.episode no force row level security;
alter table alerts.rule no force row level security;
update alerts.episode set family = rule.family from alerts.rule
where rule.practice_id = episode.practice_id and rule.rule_id = episode.rule_id and rule.version = episode.rule_version;
-- A family has one open episode from now on; of several, the severest and oldest stays the one that new breaches join.
update alerts.episode set family = episode.family || '/' || episode.rule_id
where closed_at is null and exists (
    select from alerts.episode other
    where other.practice_id = episode.practice_id and other.patient_id = episode.patient_id
      and other.family = episode.family and other.closed_at is null
      and (other.severity, -extract(epoch from other.opened_at), other.episode_id)
          > (episode.severity, -extract(epoch from episode.opened_at), episode.episode_id));
alter table alerts.episode force row level security;
alter table alerts.rule force row level security;
alter table alerts.episode alter column family set not null;
drop index alerts.one_open_episode;
create unique index one_open_episode on alerts.episode (practice_id, patient_id, family) where closed_at is null;
create index episode_by_patient on alerts.episode (practice_id, patient_id, family, closed_at);

-- One row for each reading and family that it breaches: in which episode it stands, or why nobody was called for it.
create table alerts.breach (
    practice_id  uuid not null,
    reading_id   uuid not null,
    family       text not null,
    patient_id   uuid not null,
    measured_at  timestamptz not null,
    rule_id      uuid not null,
    rule_version integer not null,
    severity     text not null,
    found_at     timestamptz not null,
    is_late      boolean not null,
    episode_id   uuid,
    silence      text check (silence in ('too_late', 'not_enrolled', 'imported')),
    withdrawn_at timestamptz,
    primary key (practice_id, reading_id, family),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, rule_id, rule_version) references alerts.rule,
    foreign key (practice_id, episode_id) references alerts.episode,
    check ((episode_id is null) = (silence is not null))
);
create index breach_by_patient on alerts.breach (practice_id, patient_id, measured_at);
create index breach_by_episode on alerts.breach (practice_id, episode_id) where episode_id is not null;

alter table alerts.episode_event no force row level security;
alter table alerts.episode no force row level security;
insert into alerts.breach (practice_id, reading_id, family, patient_id, measured_at, rule_id, rule_version, severity, found_at,
                           is_late, episode_id, withdrawn_at)
select distinct on (event.practice_id, event.reading_id, episode.family)
       event.practice_id, event.reading_id, episode.family, episode.patient_id, event.measured_at, episode.rule_id,
       episode.rule_version, episode.severity, event.at, false, episode.episode_id, withdrawn.at
from alerts.episode_event event
join alerts.episode using (practice_id, episode_id)
left join alerts.episode_event withdrawn
    on withdrawn.practice_id = event.practice_id and withdrawn.episode_id = event.episode_id
    and withdrawn.reading_id = event.reading_id and withdrawn.event = 'reading_withdrawn'
where event.event in ('opened', 'breached_again', 'corrected') and event.reading_id is not null
order by event.practice_id, event.reading_id, episode.family, event.at desc;
alter table alerts.episode_event force row level security;
alter table alerts.episode force row level security;

alter table alerts.episode_event drop constraint episode_event_event_check;
alter table alerts.episode_event add constraint episode_event_event_check check (event in (
    'opened', 'breached_again', 'breached_late', 'escalated', 'returned', 'in_range', 'reading_withdrawn', 'corrected',
    'acknowledged', 'released', 'assigned', 'snoozed', 'snooze_ended', 'fell_back', 'closed'));

-- What a reading meant when it was first judged, and again when what came later changed that: the newest revision counts.
alter table alerts.evaluation
    add column revision integer not null default 0;
alter table alerts.evaluation drop constraint evaluation_pkey;
alter table alerts.evaluation add primary key (practice_id, reading_id, revision);

alter table alerts.evaluation drop constraint evaluation_outcome_check;
alter table alerts.evaluation add constraint evaluation_outcome_check check (outcome in (
    'no_breach', 'waiting', 'episode_opened', 'episode_continued', 'episode_returned', 'silent'));

-- Somebody is asked to measure again: shown to the patient and to whoever cares, until it is answered or until then.
create table alerts.confirmation_request (
    practice_id uuid not null,
    patient_id  uuid not null,
    reading_id  uuid not null,
    family      text not null,
    ask         text not null,                       -- in plain words, from the rule
    asked_at    timestamptz not null,
    until_at    timestamptz not null,
    primary key (practice_id, reading_id, family),
    foreign key (practice_id, patient_id) references ingest.patient
);
create index confirmation_request_by_patient on alerts.confirmation_request (practice_id, patient_id, until_at);

call ingest.wall('alerts.rule_failure');
call ingest.wall('alerts.breach');
call ingest.wall('alerts.confirmation_request');

grant select, insert, update on alerts.rule_failure, alerts.breach to homevitals_alerts;
grant select, insert, delete on alerts.confirmation_request to homevitals_alerts;
grant select on alerts.rule_failure, alerts.breach, alerts.confirmation_request to homevitals_console;
grant update (severity, rule_id, rule_version, closed_at, closed_by, escalated_at, returned_at, return_count, in_range_at)
    on alerts.episode to homevitals_alerts;
