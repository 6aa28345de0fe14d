-- What patients have, as codes: rules may be for those with a condition. A row is never changed, only ended, once: what
-- was held to be so at an instant can always be told.
create table ccm.condition (
    practice_id  uuid not null,
    condition_id uuid not null default gen_random_uuid(),
    patient_id   uuid not null,
    code         text not null check (code ~ '^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$'),     -- ICD-10-CM
    source       text not null check (source <> ''),        -- where it is known from
    recorded_by  text not null,
    recorded_at  timestamptz not null,
    ended_at     timestamptz not null default 'infinity',
    ended_by     text,
    end_reason   text check (end_reason <> ''),
    primary key (practice_id, condition_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (recorded_at < ended_at),
    check ((ended_at = 'infinity') = (ended_by is null) and (ended_by is null) = (end_reason is null))
);
create unique index one_open_condition on ccm.condition (practice_id, patient_id, code) where ended_at = 'infinity';
create index condition_by_patient on ccm.condition (practice_id, patient_id, recorded_at);

call ingest.wall('ccm.condition');

grant select on ccm.condition to homevitals_alerts;
grant select, insert, update (ended_at, ended_by, end_reason) on ccm.condition to homevitals_console;

-- What alerts cost: tasks of a span of time, and, for the log, numbers of each practice and nothing about anybody.
create index task_by_opening on ccm.task (practice_id, opened_at);
grant usage on schema ccm to homevitals_scheduler;
grant select (practice_id, opened_at, disposition) on ccm.task to homevitals_scheduler;
grant select (practice_id, consent_documented_at, ended_at) on ccm.enrolment to homevitals_scheduler;
create policy wide_scheduler on ccm.task for select to homevitals_scheduler using (true);
create policy wide_scheduler on ccm.enrolment for select to homevitals_scheduler using (true);
