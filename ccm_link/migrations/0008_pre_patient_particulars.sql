-- What a practice knows of its patients beside their readings: numbers elsewhere, coverage, how to reach them, who else may
-- be talked with. A row is never changed, only ended, once: what was held to be so at an instant can always be told.

create table ccm.patient_identifier (
    practice_id   uuid not null,
    identifier_id uuid not null default gen_random_uuid(),
    patient_id    uuid not null,
    -- HL7 v2-0203: Medicare, Medicaid, another practice's record, what an EHR knows the patient by, any other.
    kind          text not null check (kind in ('MC', 'MA', 'MR', 'PI', 'U')),
    system        text not null check (system <> ''),
    value         text not null check (value <> ''),
    recorded_by   text not null,
    recorded_at   timestamptz not null,
    ended_at      timestamptz not null default 'infinity',
    ended_by      text,
    end_reason    text check (end_reason <> ''),
    primary key (practice_id, identifier_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (recorded_at < ended_at),
    check ((ended_at = 'infinity') = (ended_by is null) and (ended_by is null) = (end_reason is null))
);
create unique index one_such_identifier on ccm.patient_identifier (practice_id, system, value) where ended_at = 'infinity';
create index patient_identifier_by_patient on ccm.patient_identifier (practice_id, patient_id);

-- One payer from one day to another. Days are the practice's own; both ends are covered.
create type ccm.coverage_day as (patient_id uuid, rank smallint, day date);
create type ccm.coverage_span as range (subtype = ccm.coverage_day);
create table ccm.coverage (
    practice_id   uuid not null,
    coverage_id   uuid not null default gen_random_uuid(),
    patient_id    uuid not null,
    kind          text not null check (kind in
                      ('medicare_part_b', 'medicare_advantage', 'medicaid', 'medigap', 'commercial', 'self_pay', 'other')),
    payer_name    text check (payer_name <> ''),
    payer_id      text check (payer_id <> ''),      -- under which the payer is known in claims
    member_id     text check (member_id <> ''),
    rank          smallint not null check (rank between 1 and 9),      -- who is billed first, second…
    covered_from  date not null,
    covered_until date,                             -- the last day; null: no end is known
    recorded_by   text not null,
    recorded_at   timestamptz not null,
    ended_by      text,                             -- who said later when it ends
    ended_at      timestamptz,
    withdrawn_by  text,                             -- it never was
    withdrawn_at  timestamptz,
    withdrawn_why text check (withdrawn_why <> ''),
    primary key (practice_id, coverage_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (covered_from <= covered_until),
    check (kind = 'self_pay' or payer_name is not null),
    check ((ended_by is null) = (ended_at is null)),
    check ((withdrawn_at is null) = (withdrawn_by is null) and (withdrawn_at is null) = (withdrawn_why is null)),
    constraint one_payer_of_a_rank_at_a_time exclude using gist (
        ccm.coverage_span(row(patient_id, rank, covered_from)::ccm.coverage_day,
                          row(patient_id, rank, coalesce(covered_until, 'infinity'))::ccm.coverage_day, '[]') with &&)
        where (withdrawn_at is null)
);
create index coverage_by_patient on ccm.coverage (practice_id, patient_id, covered_from);
create function ccm.keep_coverage() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'a coverage is never deleted; withdraw it';
    end if;
    if old.withdrawn_at is not null
       or (to_jsonb(new) - array['covered_until', 'ended_by', 'ended_at', 'withdrawn_at', 'withdrawn_by', 'withdrawn_why'])
          is distinct from
          (to_jsonb(old) - array['covered_until', 'ended_by', 'ended_at', 'withdrawn_at', 'withdrawn_by', 'withdrawn_why'])
    then
        raise exception 'a coverage is never changed but for its end; withdraw it, and add the right one';
    end if;
    return new;
end $$;
create trigger keep_coverage before update or delete on ccm.coverage for each row execute function ccm.keep_coverage();

-- Where a patient is reached.
create table ccm.telecom (
    practice_id   uuid not null,
    telecom_id    uuid not null default gen_random_uuid(),
    patient_id    uuid not null,
    kind          text not null check (kind in ('phone', 'email')),
    address       text not null check (address <> ''),
    used_for      text not null check (used_for in ('home', 'work', 'mobile')),
    is_preferred  boolean not null,
    may_text      boolean not null,
    may_voicemail boolean not null,
    recorded_by   text not null,
    recorded_at   timestamptz not null,
    ended_at      timestamptz not null default 'infinity',
    ended_by      text,
    primary key (practice_id, telecom_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (recorded_at < ended_at),
    check ((ended_at = 'infinity') = (ended_by is null)),
    check (kind = 'phone' or not (may_text or may_voicemail))
);
create unique index one_such_telecom on ccm.telecom (practice_id, patient_id, kind, address) where ended_at = 'infinity';
create unique index one_preferred_telecom on ccm.telecom (practice_id, patient_id)
    where ended_at = 'infinity' and is_preferred;

create table ccm.postal_address (
    practice_id uuid not null,
    address_id  uuid not null default gen_random_uuid(),
    patient_id  uuid not null,
    street      text not null check (street <> ''),
    city        text not null check (city <> ''),
    state       text,
    postal_code text,
    country     text not null check (country ~ '^[A-Z]{2}$'),      -- ISO 3166-1
    recorded_by text not null,
    recorded_at timestamptz not null,
    ended_at    timestamptz not null default 'infinity',
    ended_by    text,
    primary key (practice_id, address_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (recorded_at < ended_at),
    check ((ended_at = 'infinity') = (ended_by is null))
);
create unique index one_address on ccm.postal_address (practice_id, patient_id) where ended_at = 'infinity';

-- Carers and relatives, and since when the practice may talk with each about the patient.
create table ccm.related_person (
    practice_id  uuid not null,
    related_id   uuid not null default gen_random_uuid(),
    patient_id   uuid not null,
    name         text not null check (name <> ''),
    relationship text not null check (relationship ~ '^[A-Z]{1,20}$'),    -- HL7 v3-RoleCode
    phone        text check (phone <> ''),
    recorded_by  text not null,
    recorded_at  timestamptz not null,
    ended_at     timestamptz not null default 'infinity',
    ended_by     text,
    primary key (practice_id, related_id),
    unique (practice_id, related_id, patient_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (recorded_at < ended_at),
    check ((ended_at = 'infinity') = (ended_by is null))
);
create index related_person_by_patient on ccm.related_person (practice_id, patient_id);
create table ccm.talk_permission (
    practice_id   uuid not null,
    permission_id uuid not null default gen_random_uuid(),
    patient_id    uuid not null,
    related_id    uuid not null,
    given_at      timestamptz not null,
    recorded_by   text not null,
    ended_at      timestamptz not null default 'infinity',
    ended_by      text,
    primary key (practice_id, permission_id),
    foreign key (practice_id, related_id, patient_id)
        references ccm.related_person (practice_id, related_id, patient_id),
    check (given_at < ended_at),
    check ((ended_at = 'infinity') = (ended_by is null))
);
create unique index one_permission_at_a_time on ccm.talk_permission (practice_id, related_id) where ended_at = 'infinity';

call ingest.wall('ccm.patient_identifier');
call ingest.wall('ccm.coverage');
call ingest.wall('ccm.telecom');
call ingest.wall('ccm.postal_address');
call ingest.wall('ccm.related_person');
call ingest.wall('ccm.talk_permission');

grant select, insert, update (ended_at, ended_by, end_reason) on ccm.patient_identifier to homevitals_console;
grant select, insert, update (covered_until, ended_by, ended_at, withdrawn_at, withdrawn_by, withdrawn_why)
    on ccm.coverage to homevitals_console;
grant select, insert, update (ended_at, ended_by)
    on ccm.telecom, ccm.postal_address, ccm.related_person, ccm.talk_permission to homevitals_console;

-- A condition as a panel brings it: when the illness began, where that is known. Rules still count from recorded_at.
alter table ccm.condition add column onset_on date;

-- A task about somebody who is not cared for here any more can be finished without a word that would be untrue.
alter table ccm.task drop constraint task_disposition_check;
alter table ccm.task add constraint task_disposition_check check (disposition in
    ('reached_advised', 'reached_escalated', 'not_reached', 'technique_error', 'device_fault',
     'expected_threshold_reviewed', 'emergency_services_advised', 'no_longer_in_care'));
-- What waits for nobody, for its patient is not active: found by the few patients, not by the many tasks.
create index task_by_patient on ccm.task (practice_id, patient_id) where status = 'open';

-- The days that a practice's numbers for the log leave out are known by patient.
grant select (patient_id) on ccm.enrolment to homevitals_scheduler;
