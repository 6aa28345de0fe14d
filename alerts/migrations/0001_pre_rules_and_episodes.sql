-- Threshold rules (versioned, with who and why), evaluations with their trace, episodes.

create schema alerts;

-- A rule is all versions with one rule_id; a version is never changed, only ended. A rule with a patient
-- overrides the practice default of the same measure, comparison and severity for that patient.
create table alerts.rule (
    practice_id        uuid not null references ingest.practice,
    rule_id            uuid not null,
    version            integer not null check (version > 0),
    patient_id         uuid,
    title              text not null,
    measure            text not null check (measure in
                           ('systolic_mmhg', 'diastolic_mmhg', 'pulse_bpm', 'glucose_mg_dl')),
    comparison         text not null check (comparison in ('at_or_above', 'below')),
    limit_value        double precision not null check (limit_value > 0 and limit_value < 2000),
    severity           text not null check (severity in ('urgent', 'clinical')),
    due_within_minutes integer not null check (due_within_minutes > 0),
    in_force_from      timestamptz not null,
    in_force_until     timestamptz not null default 'infinity',
    set_by             text not null,
    reason             text not null check (reason <> ''),
    source             text not null,
    primary key (practice_id, rule_id, version),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (in_force_from < in_force_until)
);
-- What is measured, in which direction, how severe and for whom: that is the rule. Two open versions of it
-- would be two answers to one question.
create unique index one_rule_in_force on alerts.rule (practice_id, patient_id, measure, comparison, severity)
    nulls not distinct where in_force_until = 'infinity';

-- One row per evaluated reading: what was asked, what was found, and why silence was right where there is silence.
create table alerts.evaluation (
    practice_id  uuid not null references ingest.practice,
    reading_id   uuid not null,
    measured_at  timestamptz not null,
    patient_id   uuid not null,
    evaluated_at timestamptz not null,
    outcome      text not null check (outcome in ('no_breach', 'episode_opened', 'episode_continued', 'silent')),
    silence      text check (silence in ('too_late', 'not_measured', 'not_enrolled')),
    trace        jsonb not null,
    primary key (practice_id, reading_id),
    check ((outcome = 'silent') = (silence is not null))
);

create table alerts.episode (
    practice_id  uuid not null,
    episode_id   uuid not null default gen_random_uuid(),
    patient_id   uuid not null,
    rule_id      uuid not null,
    rule_version integer not null,
    severity     text not null,
    opened_at    timestamptz not null,
    breach_count integer not null default 1,         -- readings that breached the rule while it was open
    breached_at  timestamptz not null,               -- when the newest of them was measured
    closed_at    timestamptz,
    closed_by    text,
    primary key (practice_id, episode_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, rule_id, rule_version) references alerts.rule
);
create unique index one_open_episode on alerts.episode (practice_id, patient_id, rule_id) where closed_at is null;

create table alerts.episode_event (
    practice_id uuid not null,
    episode_id  uuid not null,
    at          timestamptz not null,
    event       text not null check (event in ('opened', 'breached_again', 'closed')),
    reading_id  uuid,
    measured_at timestamptz,
    note        text not null,
    foreign key (practice_id, episode_id) references alerts.episode
);
create index episode_event_by_episode on alerts.episode_event (practice_id, episode_id, at);

grant usage on schema alerts to homevitals_alerts, homevitals_console;
grant select on alerts.rule to homevitals_alerts;
grant select, insert on alerts.evaluation, alerts.episode, alerts.episode_event to homevitals_alerts;
grant update (breach_count, breached_at) on alerts.episode to homevitals_alerts;

grant select on alerts.evaluation to homevitals_console;
grant select, insert, update (in_force_until) on alerts.rule to homevitals_console;
grant select, update (closed_at, closed_by) on alerts.episode to homevitals_console;
grant select, insert on alerts.episode_event to homevitals_console;
