-- Readings are never changed. A corrected one is a new version that points at the one before; the one before stays, and
-- its superseded_at is the only field of a reading that is ever set later.

-- Who corrected what, and why: a changed assignment, or a newer device profile that reads the same bytes otherwise.
create table ingest.correction (
    practice_id   uuid not null references ingest.practice,
    correction_id uuid not null,
    at            timestamptz not null,
    cause         text not null check (cause in ('assignment', 'profile')),
    made_by       text not null,                    -- staff id, service or system user name
    detail        text not null,                    -- in words, without any reading
    primary key (practice_id, correction_id)
);

-- The second and later versions. Each reading is replaced once at most, whoever else corrects it at the same moment.
create table ingest.reading_version (
    practice_id          uuid not null,
    reading_id           uuid not null,
    measured_at          timestamptz not null,      -- with reading_id the way to the series row
    replaces_id          uuid not null,
    replaces_measured_at timestamptz not null,
    original_id          uuid not null,             -- the first version, which the record key names
    version              smallint not null check (version > 1),
    correction_id        uuid not null,
    primary key (practice_id, reading_id),
    unique (practice_id, replaces_id),
    foreign key (practice_id, correction_id) references ingest.correction
);
create index reading_version_by_original on ingest.reading_version (practice_id, original_id);

call ingest.wall('ingest.correction');
call ingest.wall('ingest.reading_version');

-- Uniqueness is the record key's business. A unique key here would have to hold the estimated time, and every late reading
-- would have to be compared with all that the columnstore has packed away.
do $$
declare
    key_name text := (select conname from pg_constraint
                      where conrelid = 'ingest.reading_series'::regclass and contype = 'p');
begin
    execute format('alter table ingest.reading_series drop constraint %I', key_name);
end $$;
create index reading_by_id on ingest.reading_series (reading_id);

alter table ingest.reading_series
    add column origin text not null default 'device' check (origin in ('device', 'import')),
    add column measured_day date,                   -- the patient's local day; null while nobody is assigned
    add column version smallint not null default 1,
    add column superseded_at timestamptz;           -- null: this version counts
alter table ingest.reading_series alter column peripheral_id drop not null;
alter table ingest.reading_series alter column gateway_id drop not null;
alter table ingest.reading_series alter column outbox_epoch drop not null;
alter table ingest.reading_series alter column outbox_seq drop not null;
alter table ingest.reading_series alter column message_id drop not null;
-- What came over no gateway has no place in an outbox; everything else has.
alter table ingest.reading_series add constraint reading_way check (
    origin = 'import' or num_nulls(peripheral_id, gateway_id, outbox_epoch, outbox_seq, message_id) = 0);
alter table ingest.reading_series drop constraint reading_time_method_check;
alter table ingest.reading_series add constraint reading_time_method_check check (time_method in
    ('device_clock_corrected', 'device_clock', 'gateway_receipt', 'ingest_receipt', 'imported'));

alter table ingest.patient no force row level security;
update ingest.reading_series r set measured_day = (r.measured_at at time zone p.time_zone)::date
from ingest.patient p where p.practice_id = r.practice_id and p.patient_id = r.patient_id;
alter table ingest.patient force row level security;

-- What counts, and below it every version that ever counted.
create or replace view ingest.reading with (security_barrier = true) as
    select * from ingest.reading_series
    where practice_id = any (ingest.practices_in_force())
      and (ingest.patient_in_force() is null or patient_id = ingest.patient_in_force())
      and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false)
      and superseded_at is null
    with cascaded check option;
create view ingest.reading_history with (security_barrier = true) as
    select * from ingest.reading_series
    where practice_id = any (ingest.practices_in_force())
      and (ingest.patient_in_force() is null or patient_id = ingest.patient_in_force())
      and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false)
    with cascaded check option;

-- Ingest corrects: it follows changed assignments and decodes again. People change assignments, never readings.
grant select on ingest.reading_history to homevitals_ingest, homevitals_alerts, homevitals_console;
grant update (superseded_at) on ingest.reading_history to homevitals_ingest;
grant select, insert on ingest.correction, ingest.reading_version to homevitals_ingest;
grant select on ingest.correction, ingest.reading_version to homevitals_console, homevitals_alerts;
-- A patient's day is counted where the patient lives.
grant select (practice_id, patient_id, time_zone) on ingest.patient to homevitals_ingest;
