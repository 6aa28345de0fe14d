-- Programs: whom they suit, who is in one, and what that rests on. An enrolment goes through states, a line for each step.

-- Until now a row was a documented consent to one program. It becomes an enrolment, of which the consent is a part.
alter table ccm.enrolment no force row level security;
alter table ccm.enrolment
    add column enrolment_id uuid not null default gen_random_uuid(),
    add column state        text not null default 'identified' check (state in
                                ('identified', 'contacted', 'consented', 'planned', 'active', 'closed')),
    add column opened_at    timestamptz,             -- when the patient was identified
    add column next_try_at  timestamptz,             -- when to call again; null: nothing is planned
    add column close_reason text check (close_reason in
                                ('declined', 'opted_out', 'deceased', 'transferred', 'no_longer_eligible', 'moved_program',
                                 'other')),
    add column row_version  integer not null default 1,    -- a form that was drawn from an older row is refused
    drop constraint enrolment_program_check,
    -- The programs are rows of dated tables; a new one needs no migration.
    add constraint enrolment_program_check check (program ~ '^[a-z][a-z_]{1,39}$'),
    drop constraint enrolment_pkey,
    add primary key (practice_id, enrolment_id),
    add unique (practice_id, enrolment_id, patient_id),     -- so that what hangs on it can only be its patient's
    alter column consent_documented_at drop not null;       -- of the first consent: minutes before never count
update ccm.enrolment set
    opened_at = consent_documented_at,
    state = case when ended_at = 'infinity' then 'active' else 'closed' end,
    close_reason = case when ended_at < 'infinity' then 'other' end;
alter table ccm.enrolment
    alter column opened_at set not null,
    add check ((state = 'closed') = (ended_at < 'infinity') and (state = 'closed') = (close_reason is not null)),
    add check (consent_documented_at is null or state not in ('identified', 'contacted')),
    add check (consent_documented_at is not null or state in ('identified', 'contacted', 'closed')),
    add check (opened_at <= ended_at or consent_documented_at is not null);
create index enrolment_by_patient on ccm.enrolment (practice_id, patient_id, program);
create index enrolment_by_state on ccm.enrolment (practice_id, program, state);

-- What happened to an enrolment: only added to.
create table ccm.enrolment_event (
    practice_id  uuid not null,
    enrolment_id uuid not null,
    patient_id   uuid not null,
    event_no     bigint generated always as identity,   -- the order of what happened at one instant
    at           timestamptz not null,
    event        text not null check (event in
                     ('identified', 'contacted', 'consented', 'planned', 'activated', 'closed', 'practitioner_set',
                      'consent_renewed', 'carried_over')),
    from_state   text,
    to_state     text not null,
    made_by      text not null check (made_by <> ''),
    reason       text not null default '',
    primary key (practice_id, event_no),
    foreign key (practice_id, enrolment_id, patient_id) references ccm.enrolment (practice_id, enrolment_id, patient_id)
);
create index enrolment_event_by_enrolment on ccm.enrolment_event (practice_id, enrolment_id, event_no);
insert into ccm.enrolment_event (practice_id, enrolment_id, patient_id, at, event, to_state, made_by)
select practice_id, enrolment_id, patient_id, consent_documented_at, 'carried_over', state, coalesce(nullif(enrolled_by, ''), '-')
from ccm.enrolment order by consent_documented_at;

-- Who bills a program, from when until when: a consent is for one practitioner.
create table ccm.enrolment_practitioner (
    practice_id  uuid not null,
    enrolment_id uuid not null,
    patient_id   uuid not null,
    staff_id     uuid not null,
    from_at      timestamptz not null,
    until_at     timestamptz not null default 'infinity',
    set_by       text not null check (set_by <> ''),
    primary key (practice_id, enrolment_id, from_at),
    foreign key (practice_id, enrolment_id, patient_id) references ccm.enrolment (practice_id, enrolment_id, patient_id),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    check (from_at < until_at)
);
create unique index one_practitioner on ccm.enrolment_practitioner (practice_id, enrolment_id) where until_at = 'infinity';

-- A practice's own words for what a patient is told before consenting; a version is never changed. Ours come with the program.
create table ccm.consent_script (
    practice_id uuid not null references ingest.practice,
    program     text not null check (program ~ '^[a-z][a-z_]{1,39}$'),
    version     integer not null check (version > 0),
    elements    jsonb not null check (jsonb_typeof(elements) = 'object'),    -- words by name of the element
    added_by    text not null check (added_by <> ''),
    added_at    timestamptz not null,
    primary key (practice_id, program, version)
);

-- What the patient agreed to, as it was taken. “not_recorded” is only what was carried over from before there was a register.
create table ccm.consent (
    practice_id     uuid not null,
    consent_id      uuid not null default gen_random_uuid(),
    enrolment_id    uuid not null,
    patient_id      uuid not null,
    practitioner_id uuid,                            -- who bills by it; null: not recorded
    method          text not null check (method in ('verbal', 'written', 'electronic', 'not_recorded')),
    script          text check (script in ('shipped', 'practice')),
    script_version  integer,
    elements        text[] not null,                 -- what the patient was told, by name
    given_by        text not null check (given_by in ('patient', 'carer', 'not_recorded')),
    carer           text not null default '',        -- who, and why they may
    taken_by        text not null check (taken_by <> ''),
    witness         text not null default '',
    documented_at   timestamptz not null,            -- seconds before it never count
    recorded_at     timestamptz not null,            -- when it was entered here
    evidence        text not null default '',        -- where it is documented, if it was entered here later
    superseded_at   timestamptz,                     -- the practitioner changed: another one is needed
    revoked_at      timestamptz,                     -- takes effect at the end of the practice's calendar month
    revoked_by      text,
    revoke_reason   text,
    primary key (practice_id, consent_id),
    foreign key (practice_id, enrolment_id, patient_id) references ccm.enrolment (practice_id, enrolment_id, patient_id),
    foreign key (practice_id, practitioner_id) references ingest.staff (practice_id, staff_id),
    check (documented_at <= recorded_at),
    check (method = 'not_recorded' or (script is not null and script_version is not null and cardinality(elements) > 0)),
    check ((given_by = 'carer') = (carer <> '')),
    check (method = 'not_recorded' or recorded_at - documented_at <= interval '1 day' or evidence <> ''),
    check (superseded_at >= documented_at and revoked_at >= documented_at),
    check ((revoked_at is null) = (revoked_by is null) and (revoked_at is null) = (revoke_reason is null))
);
create unique index one_consent_in_force on ccm.consent (practice_id, enrolment_id)
    where superseded_at is null and revoked_at is null;
create index consent_by_patient on ccm.consent (practice_id, patient_id, documented_at);
insert into ccm.consent
    (practice_id, enrolment_id, patient_id, method, elements, given_by, taken_by, documented_at, recorded_at)
select practice_id, enrolment_id, patient_id, 'not_recorded', '{}', 'not_recorded', coalesce(nullif(enrolled_by, ''), '-'),
       consent_documented_at, consent_documented_at
from ccm.enrolment;

-- A consent is never changed: another one takes its place, once, or it is taken back, once.
create function ccm.keep_consents() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'a consent is never deleted; take it back';
    end if;
    if old.superseded_at is not null or old.revoked_at is not null
       or (to_jsonb(new) - array['superseded_at', 'revoked_at', 'revoked_by', 'revoke_reason'])
          is distinct from (to_jsonb(old) - array['superseded_at', 'revoked_at', 'revoked_by', 'revoke_reason']) then
        raise exception 'a consent is never changed; take it back, or write down the next';
    end if;
    return new;
end $$;
create trigger keep_consents before update or delete on ccm.consent for each row execute function ccm.keep_consents();

alter table ccm.enrolment drop column enrolled_by;
alter table ccm.enrolment force row level security;

-- Who is in care in which program from when until when: whose alerts become tasks, whose minutes may count.
create view ccm.in_care with (security_invoker = true) as
    select practice_id, patient_id, program, enrolment_id, consent_documented_at as from_at, ended_at as until_at
    from ccm.enrolment where consent_documented_at < ended_at;

-- Each attempt to reach a patient about a program.
create table ccm.outreach (
    practice_id  uuid not null,
    outreach_id  uuid not null default gen_random_uuid(),
    enrolment_id uuid not null,
    patient_id   uuid not null,
    tried_at     timestamptz not null,
    made_by      text not null check (made_by <> ''),
    method       text not null check (method in ('phone', 'video', 'in_person', 'portal_message', 'text_message', 'letter')),
    outcome      text not null check (outcome in
                     ('reached', 'voicemail', 'no_answer', 'busy', 'wrong_number', 'left_with_somebody', 'sent')),
    spoke_with   text check (spoke_with in ('patient', 'caregiver')),
    note         text not null default '',
    next_try_at  timestamptz,
    recorded_at  timestamptz not null,
    primary key (practice_id, outreach_id),
    foreign key (practice_id, enrolment_id, patient_id) references ccm.enrolment (practice_id, enrolment_id, patient_id),
    check (tried_at <= recorded_at),
    -- A voicemail, a letter or a message is no conversation.
    check ((outcome = 'reached') = (spoke_with is not null)),
    check (outcome <> 'reached' or method in ('phone', 'video', 'in_person')),
    check ((outcome = 'sent') = (method in ('portal_message', 'text_message', 'letter')))
);
create index outreach_by_enrolment on ccm.outreach (practice_id, enrolment_id, tried_at);

-- What a person vouches for, by the names that the billing tables give to what has to be there; of the practice as a whole
-- where there is no patient. What was said last holds; nothing is changed.
create table ccm.attestation (
    practice_id    uuid not null references ingest.practice,
    attestation_id uuid not null default gen_random_uuid(),
    attestation_no bigint generated always as identity,
    patient_id     uuid,
    requirement    text not null check (requirement ~ '^[a-z][a-z_0-9]{1,39}$'),
    is_met         boolean not null,
    basis          text not null check (basis <> ''),
    from_on        date not null,
    until_on       date check (until_on >= from_on),  -- last day; null: until it is said otherwise
    attested_by    text not null check (attested_by <> ''),
    attested_at    timestamptz not null,
    primary key (practice_id, attestation_id),
    foreign key (practice_id, patient_id) references ingest.patient
);
create index attestation_by_patient on ccm.attestation (practice_id, patient_id, requirement, attestation_no);

-- Visits to the practitioner that the initiating-visit rule asks about.
create table ccm.practitioner_visit (
    practice_id     uuid not null,
    visit_id        uuid not null default gen_random_uuid(),
    patient_id      uuid not null,
    practitioner_id uuid not null,
    visited_on      date not null,
    kind            text not null check (kind in
                        ('evaluation', 'annual_wellness', 'initial_preventive', 'transitional_care', 'other')),
    was_discussed   boolean not null,                -- whether care management was talked about in it
    recorded_by     text not null check (recorded_by <> ''),
    recorded_at     timestamptz not null,
    withdrawn_at    timestamptz,                     -- it was recorded by mistake
    withdrawn_by    text,
    withdraw_reason text check (withdraw_reason <> ''),
    primary key (practice_id, visit_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, practitioner_id) references ingest.staff (practice_id, staff_id),
    check ((withdrawn_at is null) = (withdrawn_by is null) and (withdrawn_at is null) = (withdraw_reason is null))
);
create unique index one_such_visit on ccm.practitioner_visit (practice_id, patient_id, practitioner_id, visited_on, kind)
    where withdrawn_at is null;

-- What else is billed or agreed on for a patient, in the words of the tables' blockers, as far as it is known.
create table ccm.billed_beside (
    practice_id uuid not null,
    beside_id   uuid not null default gen_random_uuid(),
    patient_id  uuid not null,
    what        text not null check (what ~ '^[a-z][a-z_]{1,39}$'),
    by_whom     text not null check (by_whom in ('us', 'others', 'unknown')),
    from_on     date not null,
    until_on    date,                                -- last day; the day before the first: it was recorded by mistake
    source      text not null check (source <> ''),  -- where it is known from
    recorded_by text not null check (recorded_by <> ''),
    recorded_at timestamptz not null,
    ended_by    text,
    end_reason  text check (end_reason <> ''),
    primary key (practice_id, beside_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (until_on >= from_on - 1),
    check ((ended_by is null) = (end_reason is null))
);
create unique index one_such_beside on ccm.billed_beside (practice_id, patient_id, what, by_whom) where until_on is null;
create index billed_beside_by_patient on ccm.billed_beside (practice_id, patient_id, from_on);

-- Who cares for a patient: colleagues, and people and services outside. It says who is asked, not who may look: that is
-- ingest.care_team_member, which matters for restricted patients alone.
create table ccm.team_member (
    practice_id  uuid not null,
    member_id    uuid not null default gen_random_uuid(),
    patient_id   uuid not null,
    role         text not null check (role in
                     ('care_manager', 'nurse', 'medical_assistant', 'pharmacist', 'clinician', 'specialist', 'pharmacy',
                      'home_health_agency', 'hospice', 'community_service', 'therapist', 'other')),
    staff_id     uuid,                               -- a colleague; null: somebody outside
    name         text not null default '',
    organisation text not null default '',
    phone        text not null default '',
    note         text not null default '',
    from_at      timestamptz not null,
    until_at     timestamptz not null default 'infinity',
    added_by     text not null check (added_by <> ''),
    ended_by     text,
    primary key (practice_id, member_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    check (from_at < until_at),
    check ((until_at = 'infinity') = (ended_by is null)),
    check ((staff_id is null) = (name <> '' or organisation <> '')),
    check (role <> 'care_manager' or staff_id is not null)
);
create unique index one_care_manager on ccm.team_member (practice_id, patient_id)
    where role = 'care_manager' and until_at = 'infinity';
create unique index one_such_member on ccm.team_member (practice_id, patient_id, role, staff_id, name, organisation)
    nulls not distinct where until_at = 'infinity';
create index team_member_by_staff on ccm.team_member (practice_id, staff_id) where until_at = 'infinity';

-- The number that patients call at any hour. The last one said holds.
create table ccm.patient_line (
    practice_id uuid not null references ingest.practice,
    version     integer not null check (version > 0),
    phone       text not null check (phone <> ''),
    set_by      text not null check (set_by <> ''),
    set_at      timestamptz not null,
    primary key (practice_id, version)
);

-- Calls outside of the practice's hours, and what was done.
create table ccm.after_hours_contact (
    practice_id uuid not null references ingest.practice,
    contact_id  uuid not null default gen_random_uuid(),
    patient_id  uuid,                                -- null: not a patient of ours, or not known who
    called_at   timestamptz not null,
    caller      text not null check (caller <> ''),
    answered_by uuid,                                -- null: nobody did
    answered_at timestamptz,
    said        text not null check (said <> ''),    -- what it was about, and what was done
    recorded_by text not null check (recorded_by <> ''),
    recorded_at timestamptz not null,
    primary key (practice_id, contact_id),
    unique nulls not distinct (practice_id, called_at, patient_id, caller),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, answered_by) references ingest.staff (practice_id, staff_id),
    check ((answered_by is null) = (answered_at is null)),
    check (called_at <= recorded_at and answered_at between called_at and recorded_at)
);

call ingest.wall('ccm.enrolment_event');
call ingest.wall('ccm.enrolment_practitioner');
call ingest.wall('ccm.consent_script');
call ingest.wall('ccm.consent');
call ingest.wall('ccm.outreach');
call ingest.wall('ccm.attestation');
call ingest.wall('ccm.practitioner_visit');
call ingest.wall('ccm.billed_beside');
call ingest.wall('ccm.team_member');
call ingest.wall('ccm.patient_line');
call ingest.wall('ccm.after_hours_contact');

grant select on ccm.in_care to homevitals_alerts, homevitals_console, homevitals_scheduler;
grant select (enrolment_id, patient_id, program) on ccm.enrolment to homevitals_scheduler;    -- the columns of the view
grant insert, update (state, consent_documented_at, next_try_at, ended_at, close_reason, row_version) on ccm.enrolment
    to homevitals_console;
grant select, insert on ccm.enrolment_event, ccm.outreach, ccm.attestation, ccm.consent_script, ccm.patient_line,
    ccm.after_hours_contact to homevitals_console;
grant select, insert, update (until_at) on ccm.enrolment_practitioner to homevitals_console;
grant select, insert, update (superseded_at, revoked_at, revoked_by, revoke_reason) on ccm.consent to homevitals_console;
grant select, insert, update (withdrawn_at, withdrawn_by, withdraw_reason) on ccm.practitioner_visit to homevitals_console;
grant select, insert, update (until_on, ended_by, end_reason) on ccm.billed_beside to homevitals_console;
grant select, insert, update (until_at, ended_by) on ccm.team_member to homevitals_console;
