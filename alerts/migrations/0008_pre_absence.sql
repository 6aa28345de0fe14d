-- What is expected of patients, when silence is expected, and what rules found that are asked by the clock.

-- The agreed schedule of a kind of reading, of one patient or as the practice's default. A version is never changed, only
-- ended by the next.
create table alerts.schedule (
    practice_id    uuid not null references ingest.practice,
    schedule_id    uuid not null,
    version        integer not null check (version > 0),
    patient_id     uuid,                              -- null: whoever measures this kind and has no schedule of their own
    kind           text not null,
    definition     jsonb not null,
    in_force_from  timestamptz not null,
    in_force_until timestamptz not null default 'infinity',
    set_by         text not null,
    reason         text not null check (reason <> ''),
    primary key (practice_id, schedule_id, version),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (in_force_from < in_force_until)
);
-- Of whom and of what: that is the schedule. Two open versions of it would be two agreements.
create unique index one_schedule_in_force on alerts.schedule (practice_id, patient_id, kind)
    nulls not distinct where in_force_until = 'infinity';
create index schedule_by_end on alerts.schedule (practice_id, in_force_until);

-- A time in which silence is expected: a journey, a stay in hospital, work on a gateway or in the practice. Rules about
-- silence and about technical matters call nobody in it; rules about readings do not know of it.
create table alerts.silence_window (
    practice_id uuid not null references ingest.practice,
    window_id   uuid not null,
    patient_id  uuid,
    gateway_id  text,                                 -- both null: the whole practice
    from_at     timestamptz not null,
    until_at    timestamptz not null,
    cause       text not null check (cause in ('travel', 'hospital', 'maintenance', 'other')),
    reason      text not null check (reason <> ''),
    set_by      text not null,
    set_at      timestamptz not null,
    ended_at    timestamptz,                          -- when somebody ended it before its time
    ended_by    text,
    primary key (practice_id, window_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id),
    check (num_nonnulls(patient_id, gateway_id) <= 1),
    check (from_at < until_at and until_at <= from_at + interval '92 days'),
    check ((ended_at is null) = (ended_by is null))
);
create index silence_window_by_end on alerts.silence_window (practice_id, until_at);

-- When the practice is closed for what may wait. By the practice's clocks; a version is never changed, only ended.
create table alerts.quiet_hours (
    practice_id    uuid not null references ingest.practice,
    version        integer not null check (version > 0),
    from_time      time not null,                     -- every day from then
    until_time     time not null,                     -- until then, on the next day where that is earlier; both the same: none
    quiet_days     text[] not null check (                -- from midnight to midnight; one day of the week is open
                       quiet_days <@ array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] and cardinality(quiet_days) < 7),
    in_force_from  timestamptz not null,
    in_force_until timestamptz not null default 'infinity',
    set_by         text not null,
    reason         text not null check (reason <> ''),
    primary key (practice_id, version),
    check (in_force_from < in_force_until)
);
create unique index quiet_hours_in_force on alerts.quiet_hours (practice_id) where in_force_until = 'infinity';

-- When the rules that the clock asks were last asked in a practice; whoever has the row asks.
create table alerts.watch (
    practice_id uuid primary key references ingest.practice,
    asked_at    timestamptz not null default '-infinity',
    failed_at   timestamptz                           -- when it last failed; null: the last time it did not
);

-- One row for each run of a rule being breached that the clock asks, of one patient and family: in which episode it stands,
-- or why nobody was called. Another reason, another rule or an episode instead of a reason begins a row of its own.
create table alerts.clock_breach (
    practice_id  uuid not null,
    breach_id    uuid not null,
    patient_id   uuid not null,
    family       text not null,
    rule_id      uuid not null,
    rule_version integer not null,
    severity     text not null check (severity in ('outreach', 'technical')),
    began_at     timestamptz not null,
    ended_at     timestamptz,                         -- null: it goes on
    sentence     text not null,
    link         text,                                -- which link is missing, of a missing reading
    next_step    text not null default '',
    told_at      timestamptz not null,                -- when sentence, link and next step were found so
    episode_id   uuid,
    silence      text check (silence in
                     ('silence_window', 'quiet_hours', 'gateway_silent', 'service_behind', 'told_for_another', 'not_enrolled')),
    window_id    uuid,
    primary key (practice_id, breach_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, rule_id, rule_version) references alerts.rule,
    foreign key (practice_id, episode_id) references alerts.episode,
    foreign key (practice_id, window_id) references alerts.silence_window,
    check ((episode_id is null) = (silence is not null)),
    check ((window_id is not null) = (silence is not distinct from 'silence_window')),
    check (began_at <= ended_at)
);
create unique index one_run on alerts.clock_breach (practice_id, patient_id, family) where ended_at is null;
create index clock_breach_by_patient on alerts.clock_breach (practice_id, patient_id, began_at);
create index clock_breach_by_episode on alerts.clock_breach (practice_id, episode_id) where episode_id is not null;

call ingest.wall('alerts.schedule');
call ingest.wall('alerts.silence_window');
call ingest.wall('alerts.quiet_hours');
call ingest.wall('alerts.watch');
call ingest.wall('alerts.clock_breach');

grant select on alerts.schedule, alerts.silence_window, alerts.quiet_hours to homevitals_alerts;
grant select, insert, update on alerts.watch to homevitals_alerts;
grant select, insert, update (ended_at, sentence, link, next_step, told_at) on alerts.clock_breach to homevitals_alerts;
grant select, insert, update (in_force_until) on alerts.schedule, alerts.quiet_hours to homevitals_console;
grant select, insert, update (ended_at, ended_by) on alerts.silence_window to homevitals_console;
grant select on alerts.watch, alerts.clock_breach to homevitals_console;
