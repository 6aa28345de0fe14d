-- The care plan and what belongs to it: versions, reviews, to whom it was given; medication; stays; teaching; set-ups.

-- A draft becomes a version when a clinician signs it, or is discarded; neither is ever changed afterwards.
create table ccm.care_plan (
    practice_id    uuid not null,
    plan_id        uuid not null default gen_random_uuid(),
    patient_id     uuid not null,
    version        integer check (version >= 1),    -- of the patient's signed plans; a draft has none
    document       jsonb not null,                  -- ccm_link/plan_document.py
    row_version    integer not null default 1,      -- a form that was drawn from an older draft is refused
    begun_by       uuid not null,
    begun_at       timestamptz not null,
    changed_by     uuid not null,
    changed_at     timestamptz not null,
    signed_by      uuid,
    signed_role    text check (signed_role = 'clinician'),  -- at that time: others revise a plan, a clinician signs it
    signed_at      timestamptz,
    discarded_by   uuid,
    discarded_at   timestamptz,
    discard_reason text check (discard_reason <> ''),
    primary key (practice_id, plan_id),
    unique (practice_id, patient_id, version),
    unique (practice_id, plan_id, patient_id),      -- so that what is about a plan can only be its patient's
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, begun_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, changed_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, signed_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, discarded_by) references ingest.staff (practice_id, staff_id),
    check ((signed_at is null) = (version is null) and (signed_at is null) = (signed_by is null)
           and (signed_at is null) = (signed_role is null)),
    check ((discarded_at is null) = (discarded_by is null) and (discarded_at is null) = (discard_reason is null)),
    check (signed_at is null or discarded_at is null)
);
create unique index one_draft on ccm.care_plan (practice_id, patient_id)
    where signed_at is null and discarded_at is null;

create function ccm.keep_care_plans() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'care plans are never deleted; discard the draft, or sign a new version';
    end if;
    if old.signed_at is not null or old.discarded_at is not null then
        raise exception 'a signed or discarded care plan is never changed; begin a new draft';
    end if;
    return new;
end $$;
create trigger keep_care_plans before update or delete on ccm.care_plan
    for each row execute function ccm.keep_care_plans();

-- Somebody looked through the plan in force and found that it still holds; a change is a new version.
create table ccm.care_plan_review (
    practice_id uuid not null,
    review_id   uuid not null default gen_random_uuid(),
    patient_id  uuid not null,
    plan_id     uuid not null,
    reviewed_by uuid not null,
    reviewed_at timestamptz not null,
    note        text not null check (note <> ''),
    primary key (practice_id, review_id),
    foreign key (practice_id, plan_id, patient_id) references ccm.care_plan (practice_id, plan_id, patient_id),
    foreign key (practice_id, reviewed_by) references ingest.staff (practice_id, staff_id)
);
create index care_plan_review_by_plan on ccm.care_plan_review (practice_id, plan_id, reviewed_at);

create table ccm.care_plan_share (
    practice_id    uuid not null,
    share_id       uuid not null default gen_random_uuid(),
    patient_id     uuid not null,
    plan_id        uuid not null,
    method         text not null check (method in ('printed', 'posted', 'secure_message', 'own_record')),
    recipient      text not null check (recipient in ('patient', 'carer')),
    recipient_name text not null default '',        -- of the carer
    shared_by      uuid not null,
    shared_at      timestamptz not null,
    recorded_at    timestamptz not null,
    primary key (practice_id, share_id),
    foreign key (practice_id, plan_id, patient_id) references ccm.care_plan (practice_id, plan_id, patient_id),
    foreign key (practice_id, shared_by) references ingest.staff (practice_id, staff_id),
    check (recipient = 'patient' or recipient_name <> ''),
    check (shared_at <= recorded_at)
);
create index care_plan_share_by_plan on ccm.care_plan_share (practice_id, plan_id, shared_at);

-- What a patient takes. A row is never changed, only ended, once: another dose is another row.
create table ccm.medication (
    practice_id   uuid not null,
    medication_id uuid not null default gen_random_uuid(),
    patient_id    uuid not null,
    name          text not null check (name <> ''),
    rxnorm_code   text check (rxnorm_code ~ '^[1-9][0-9]{0,7}$'),      -- RXCUI; null: not coded
    dose          text not null check (dose <> ''),         -- as it is written, for example "10 mg in the morning"
    taken_from_on date,                             -- null: unknown
    source        text not null check (source <> ''),       -- where it is known from
    prescriber    text not null default '',         -- empty: unknown
    recorded_by   uuid not null,
    recorded_at   timestamptz not null,
    ended_at      timestamptz not null default 'infinity',
    ended_on      date,                             -- the last day on which it was taken, as far as known
    ended_by      uuid,
    end_reason    text check (end_reason <> ''),
    primary key (practice_id, medication_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, recorded_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, ended_by) references ingest.staff (practice_id, staff_id),
    check (recorded_at < ended_at),
    check ((ended_at = 'infinity') = (ended_by is null) and (ended_by is null) = (end_reason is null)),
    check (ended_on is null or ended_by is not null),
    check (taken_from_on <= ended_on)
);
create index medication_by_patient on ccm.medication (practice_id, patient_id, recorded_at);

-- The list was held against what others know of it.
create table ccm.medication_reconciliation (
    practice_id       uuid not null,
    reconciliation_id uuid not null default gen_random_uuid(),
    patient_id        uuid not null,
    reconciled_by     uuid not null,
    reconciled_at     timestamptz not null,
    sources           text[] not null check (sources <@ array[
                          'patient', 'carer', 'packages_at_home', 'pharmacy', 'discharge_papers', 'health_record',
                          'other_practice']),
    medication_ids    uuid[] not null,              -- what stood on the list afterwards
    discrepancies     text not null default '',     -- empty: none were found
    primary key (practice_id, reconciliation_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, reconciled_by) references ingest.staff (practice_id, staff_id)
);
create index medication_reconciliation_by_patient
    on ccm.medication_reconciliation (practice_id, patient_id, reconciled_at);

-- An instant of one patient's life; see ingest.slot_instant for why a range of records.
create type ccm.patient_instant as (patient_id uuid, at timestamptz);
create type ccm.patient_span as range (subtype = ccm.patient_instant);

-- Where a patient was instead of at home. A discharge is said once; a row that was wrong is voided, and another recorded.
create table ccm.stay (
    practice_id     uuid not null,
    stay_id         uuid not null default gen_random_uuid(),
    patient_id      uuid not null,
    kind            text not null check (kind in ('inpatient', 'skilled_nursing', 'emergency')),
    facility        text not null check (facility <> ''),
    source          text not null check (source <> ''),     -- who told of it
    admitted_at     timestamptz not null,
    discharged_at   timestamptz not null default 'infinity',
    recorded_by     uuid not null,
    recorded_at     timestamptz not null,
    discharge_recorded_by uuid,
    discharge_recorded_at timestamptz,
    contact_due_at  timestamptz,                    -- until when somebody has to speak with the patient after it
    contact_task_id uuid,
    voided_at       timestamptz,
    voided_by       uuid,
    void_reason     text check (void_reason <> ''),
    primary key (practice_id, stay_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, recorded_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, discharge_recorded_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, voided_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, contact_task_id, patient_id) references ccm.task (practice_id, task_id, patient_id),
    check (admitted_at < discharged_at),
    check (admitted_at <= recorded_at),
    check ((discharged_at = 'infinity') = (discharge_recorded_by is null)
           and (discharge_recorded_by is null) = (discharge_recorded_at is null)
           and (discharge_recorded_by is null) = (contact_due_at is null)),
    check (discharged_at = 'infinity' or discharged_at <= discharge_recorded_at),
    check (contact_task_id is null or contact_due_at is not null),
    check ((voided_at is null) = (voided_by is null) and (voided_at is null) = (void_reason is null)),
    constraint one_place_at_a_time exclude using gist (
        ccm.patient_span(row(patient_id, admitted_at)::ccm.patient_instant,
                         row(patient_id, discharged_at)::ccm.patient_instant) with &&)
        where (voided_at is null)
);
create index stay_by_patient on ccm.stay (practice_id, patient_id, admitted_at);

-- What somebody was taught, and whether they could say or show it back.
create table ccm.education (
    practice_id  uuid not null,
    education_id uuid not null default gen_random_uuid(),
    patient_id   uuid not null,
    topic        text not null check (topic in (
                     'blood_pressure_technique', 'glucose_technique', 'symptoms_to_report', 'low_glucose', 'medication',
                     'food_and_salt', 'movement', 'tobacco_and_alcohol', 'foot_care', 'device_use', 'care_plan',
                     'after_discharge')),
    method       text not null check (method in ('in_person', 'phone', 'video', 'written')),
    learner      text not null check (learner in ('patient', 'carer', 'both')),
    taught_by    uuid not null,
    taught_at    timestamptz not null,
    teach_back   boolean not null,                  -- said or shown it back in their own words
    points       text[] not null default '{}',      -- of the topic's checklist, what was done right in the end
    note         text not null default '',
    recorded_at  timestamptz not null,
    primary key (practice_id, education_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, taught_by) references ingest.staff (practice_id, staff_id),
    check (taught_at <= recorded_at)
);
create index education_by_patient on ccm.education (practice_id, patient_id, taught_at);

-- A peripheral was set up with a patient, who was taught to use it. What arrived from it then is looked up, not typed.
create table ccm.device_set_up (
    practice_id   uuid not null,
    set_up_id     uuid not null default gen_random_uuid(),
    patient_id    uuid not null,
    peripheral_id uuid not null,
    learner       text not null check (learner in ('patient', 'carer', 'both')),
    set_up_by     uuid not null,
    set_up_at     timestamptz not null,
    taught_at     timestamptz not null,
    recorded_at   timestamptz not null,
    primary key (practice_id, set_up_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, peripheral_id) references ingest.peripheral,
    foreign key (practice_id, set_up_by) references ingest.staff (practice_id, staff_id),
    check (set_up_at <= recorded_at and taught_at <= recorded_at)
);
create index device_set_up_by_patient on ccm.device_set_up (practice_id, patient_id, set_up_at);

call ingest.wall('ccm.care_plan');
call ingest.wall('ccm.care_plan_review');
call ingest.wall('ccm.care_plan_share');
call ingest.wall('ccm.medication');
call ingest.wall('ccm.medication_reconciliation');
call ingest.wall('ccm.stay');
call ingest.wall('ccm.education');
call ingest.wall('ccm.device_set_up');

grant select, insert on ccm.care_plan, ccm.care_plan_review, ccm.care_plan_share, ccm.medication,
    ccm.medication_reconciliation, ccm.stay, ccm.education, ccm.device_set_up to homevitals_console;
grant update (version, document, row_version, changed_by, changed_at, signed_by, signed_role, signed_at, discarded_by,
              discarded_at, discard_reason) on ccm.care_plan to homevitals_console;
grant update (ended_at, ended_on, ended_by, end_reason) on ccm.medication to homevitals_console;
grant update (discharged_at, discharge_recorded_by, discharge_recorded_at, contact_due_at, contact_task_id, voided_at,
              voided_by, void_reason) on ccm.stay to homevitals_console;
