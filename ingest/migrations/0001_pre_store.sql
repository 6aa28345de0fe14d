-- The store: practices, people, gateways, peripherals, assignments, readings, quarantine, evaluation queue.
-- Every table carries its practice; foreign keys are composite, so that no row can point into another practice.

create schema ingest;

create table ingest.practice (
    practice_id uuid primary key default gen_random_uuid(),
    name        text not null,
    time_zone   text not null                       -- IANA name; months of care are counted in it
);

create table ingest.staff (
    practice_id     uuid not null references ingest.practice,
    staff_id        uuid not null default gen_random_uuid(),
    sign_in_name    text not null unique,
    display_name    text not null,
    role            text not null check (role in
                        ('care_manager', 'clinician', 'operator', 'practice_administrator', 'auditor')),
    password_argon2 text not null,
    disabled_at     timestamptz,
    primary key (practice_id, staff_id)
);

-- Opaque sessions: the cookie holds 256 random bits, the table only their SHA-256.
create table ingest.session (
    token_sha256 bytea primary key,
    practice_id  uuid not null,
    staff_id     uuid not null,
    created_at   timestamptz not null,
    last_seen_at timestamptz not null,
    foreign key (practice_id, staff_id) references ingest.staff
);

create table ingest.patient (
    practice_id   uuid not null references ingest.practice,
    patient_id    uuid not null default gen_random_uuid(),
    display_name  text not null,
    born_on       date not null,
    record_number text not null,                    -- the practice's own number for the patient
    time_zone     text not null,                    -- IANA name; a patient's day is counted in it
    primary key (practice_id, patient_id),
    unique (practice_id, record_number)
);

create table ingest.gateway (
    gateway_id   text primary key check (gateway_id ~ '^gw-[a-z0-9]{8}$'),   -- also CN, MQTT user and client id
    practice_id  uuid not null references ingest.practice,
    label        text not null,
    status       text not null default 'active' check (status in ('active', 'revoked')),
    enrolled_at  timestamptz not null default now(),
    last_seen_at timestamptz,                       -- last message of any kind
    is_online    boolean not null default false,    -- what its retained status or last will said last
    unique (practice_id, gateway_id)
);

create table ingest.peripheral (
    practice_id       uuid not null references ingest.practice,
    peripheral_id     uuid not null default gen_random_uuid(),
    bluetooth_address text not null check (bluetooth_address ~ '^([0-9A-F]{2}:){5}[0-9A-F]{2}$'),
    profile_id        text not null,
    first_seen_at     timestamptz not null default now(),
    primary key (practice_id, peripheral_id),
    unique (practice_id, bluetooth_address)
);

-- An instant of one user slot of one peripheral. Records compare field by field, so a range of them is
-- "this slot, from then until then", and a plain GiST exclusion forbids two owners at once without any
-- contrib extension (btree_gist is not in the embedded PostgreSQL).
create type ingest.slot_instant as (peripheral_id uuid, user_slot smallint, at timestamptz);
create type ingest.slot_span as range (subtype = ingest.slot_instant);

create table ingest.assignment (
    practice_id   uuid not null,
    assignment_id uuid not null default gen_random_uuid(),
    peripheral_id uuid not null,
    user_slot     smallint,                         -- null: a peripheral that does not tell its users apart
    patient_id    uuid not null,
    valid_from    timestamptz not null,
    valid_until   timestamptz not null default 'infinity',
    assigned_by   text not null,
    primary key (practice_id, assignment_id),
    foreign key (practice_id, peripheral_id) references ingest.peripheral,
    foreign key (practice_id, patient_id) references ingest.patient,
    check (valid_from < valid_until),
    constraint one_patient_at_a_time exclude using gist (
        ingest.slot_span(
            row(peripheral_id, coalesce(user_slot, -1), valid_from)::ingest.slot_instant,
            row(peripheral_id, coalesce(user_slot, -1), valid_until)::ingest.slot_instant
        ) with &&)
);

-- One row per MQTT message whose records were taken in; the link from a reading back to the wire.
create table ingest.message (
    message_id     uuid primary key default gen_random_uuid(),
    practice_id    uuid references ingest.practice,  -- null: the gateway is unknown
    topic          text not null,
    packet_id      integer not null,
    received_at    timestamptz not null,
    sent_at        timestamptz,                      -- the gateway's word
    payload_sha256 bytea not null,
    record_count   integer not null
);

-- What makes a record the same record: only what the peripheral said (and, for a record without any device
-- time, the outbox position). The key never contains a corrected time, so corrections cannot break it.
create table ingest.record_key (
    practice_id    uuid not null references ingest.practice,
    record_key     bytea not null,                   -- SHA-256, see ingest/record_key.py
    content_sha256 bytea not null,
    reading_id     uuid not null,
    measured_at    timestamptz not null,             -- with reading_id the way to the series row
    primary key (practice_id, record_key)
);
create index record_key_reading on ingest.record_key (reading_id);

-- The time series. One row per measurement, immutable. Raw bytes and the profile that read them stay with it.
create table ingest.reading (
    practice_id         uuid not null,
    reading_id          uuid not null,
    patient_id          uuid,                        -- null: waits for an assignment, shown as unassigned
    peripheral_id       uuid not null,
    user_slot           smallint,
    kind                text not null check (kind in ('blood_pressure', 'glucose')),
    result              text not null check (result in
                            ('measured', 'not_measurable', 'above_range', 'below_range', 'control_solution')),
    measured_at         timestamptz not null,        -- best estimate; how it was made stands in time_method
    time_method         text not null check (time_method in
                            ('device_clock_corrected', 'device_clock', 'gateway_receipt', 'ingest_receipt')),
    time_quality        text not null check (time_quality in ('good', 'uncertain', 'unknown')),
    device_time         timestamp,                   -- the peripheral's own wall clock, as sent
    device_clock_offset_s double precision,          -- gateway clock minus device clock in that session, seconds
    gateway_received_at timestamptz not null,
    stored_at           timestamptz not null,
    systolic_mmhg       double precision check (systolic_mmhg between 0 and 400),
    diastolic_mmhg      double precision check (diastolic_mmhg between 0 and 400),
    mean_arterial_mmhg  double precision check (mean_arterial_mmhg between 0 and 400),
    pulse_bpm           double precision check (pulse_bpm between 0 and 400),
    glucose_mg_dl       double precision check (glucose_mg_dl between 0 and 2000),
    sequence_number     integer,                     -- glucose meters only
    qualifiers          text[] not null default '{}',
    profile_id          text not null,
    profile_version     integer not null,
    characteristic      text not null,
    raw                 bytea not null,
    gateway_id          text not null,
    outbox_epoch        text not null,
    outbox_seq          bigint not null,
    message_id          uuid not null,
    primary key (reading_id, measured_at)
);
create index reading_by_patient on ingest.reading (practice_id, patient_id, kind, measured_at desc);
create index reading_by_arrival on ingest.reading (practice_id, stored_at desc);   -- "last reading received …"
create index reading_unassigned on ingest.reading (practice_id, peripheral_id, measured_at) where patient_id is null;

-- Hypertable where the TimescaleDB extension is (deploy/database.py creates it where the server has it, for that
-- takes a superuser), native monthly partitions where it is not.
create table ingest.series_engine (engine text not null check (engine in ('timescaledb', 'partitions')));

do $$
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        perform create_hypertable('ingest.reading', by_range('measured_at', interval '7 days'));
        insert into ingest.series_engine values ('timescaledb');
    else
        alter table ingest.reading rename to reading_shape;
        create table ingest.reading (like ingest.reading_shape including all) partition by range (measured_at);
        drop table ingest.reading_shape;
        insert into ingest.series_engine values ('partitions');
    end if;
end $$;

-- Makes the monthly partitions (UTC bounds) that [from_at, until_at] touches; a hypertable makes its own chunks.
-- Runs with the owner's rights because the roles of the services may not create tables.
create function ingest.ensure_series(from_at timestamptz, until_at timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog as $$
declare
    month_at timestamp := date_trunc('month', from_at at time zone 'UTC');
    made integer := 0;
    partition_name text;
begin
    if (select engine from ingest.series_engine) = 'timescaledb' then
        return 0;
    end if;
    if until_at - from_at > interval '10 years' then
        raise exception 'ensure_series: refuses a span above ten years';
    end if;
    perform pg_advisory_xact_lock(hashtext('ingest.ensure_series'));
    while month_at <= until_at at time zone 'UTC' loop
        partition_name := 'reading_' || to_char(month_at, 'YYYY_MM');
        if to_regclass('ingest.' || partition_name) is null then
            execute format(
                'create table ingest.%I partition of ingest.reading for values from (%L) to (%L)',
                partition_name, month_at::text || '+00', (month_at + interval '1 month')::text || '+00');
            made := made + 1;
        end if;
        month_at := month_at + interval '1 month';
    end loop;
    return made;
end $$;

-- Meal, carbohydrate, medication... that a glucose meter sends beside a measurement, under the same sequence number.
create table ingest.glucose_context (
    practice_id     uuid not null,
    peripheral_id   uuid not null,
    sequence_number integer not null,
    content_sha256  bytea not null,
    context         jsonb not null,
    raw             bytea not null,
    gateway_id      text not null,
    outbox_epoch    text not null,
    outbox_seq      bigint not null,
    message_id      uuid not null,
    stored_at       timestamptz not null,
    primary key (practice_id, peripheral_id, sequence_number, content_sha256),
    foreign key (practice_id, peripheral_id) references ingest.peripheral
);

-- Everything that could not become data, with its bytes and a reason from the closed list in ingest/quarantine.py.
create table ingest.quarantine (
    quarantine_id  uuid primary key default gen_random_uuid(),
    practice_id    uuid references ingest.practice,
    topic          text not null,
    gateway_id     text,
    outbox_epoch   text,
    outbox_seq     bigint,
    reason         text not null,
    detail         text not null,                   -- says what is wrong, never repeats the content
    raw            bytea not null,
    record         jsonb,                           -- what the gateway said about raw, where raw is one frame
    content_sha256 bytea not null,
    message_id     uuid not null,
    received_at    timestamptz not null
);
-- A resend of the same bytes must not pile up.
create unique index quarantine_once on ingest.quarantine
    (topic, coalesce(outbox_epoch, ''), coalesce(outbox_seq, -1), reason, content_sha256);

create table ingest.security_event (
    event_id    uuid primary key default gen_random_uuid(),
    practice_id uuid references ingest.practice,
    at          timestamptz not null,
    event       text not null,
    gateway_id  text,
    detail      text not null
);

-- Evaluation work: committed with the readings, deleted with the evaluation's own result. A queue and not an id
-- cursor: a cursor skips a row whose transaction commits late.
create table ingest.evaluation_queue (
    queue_id    bigint generated always as identity primary key,
    practice_id uuid not null,
    patient_id  uuid not null,
    reading_id  uuid not null,
    measured_at timestamptz not null,
    queued_at   timestamptz not null,
    attempts    integer not null default 0,          -- evaluations that failed
    retry_at    timestamptz not null default '-infinity',
    last_error  text                                 -- the kind of the last failure, without any content
);

grant usage on schema ingest to homevitals_ingest, homevitals_alerts, homevitals_console, homevitals_scheduler;

grant select, update (last_seen_at, is_online) on ingest.gateway to homevitals_ingest;
grant select, insert on ingest.peripheral, ingest.message, ingest.record_key, ingest.reading,
    ingest.glucose_context, ingest.quarantine, ingest.security_event, ingest.evaluation_queue to homevitals_ingest;
grant select on ingest.assignment, ingest.practice, ingest.series_engine to homevitals_ingest;
grant execute on function ingest.ensure_series to homevitals_ingest, homevitals_scheduler;

grant select on ingest.reading, ingest.record_key, ingest.practice to homevitals_alerts;
grant select, delete, update on ingest.evaluation_queue to homevitals_alerts;   -- update: for "for update skip locked"

grant select on ingest.practice, ingest.patient, ingest.gateway, ingest.peripheral, ingest.assignment,
    ingest.reading, ingest.glucose_context, ingest.quarantine, ingest.message, ingest.record_key,
    ingest.security_event, ingest.evaluation_queue, ingest.series_engine to homevitals_console;
grant select on ingest.staff to homevitals_console;
grant select, insert, update, delete on ingest.session to homevitals_console;

grant select, delete on ingest.session to homevitals_scheduler;
grant select on ingest.evaluation_queue, ingest.gateway, ingest.series_engine to homevitals_scheduler;
