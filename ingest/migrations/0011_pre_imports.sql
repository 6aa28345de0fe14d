-- Readings from files: which file, by whom, how far, and which reading came of which row. They were not sent by a device.

create table ingest.import_run (
    practice_id  uuid not null references ingest.practice,
    run_id       uuid not null,
    file_sha256  bytea not null,
    format       text not null check (format in ('omron', 'and', 'generic', 'fhir')),
    choices      jsonb not null,                    -- what was said about the file: patient, zone, order of dates, separator
    started_at   timestamptz not null,
    started_by   text not null,                     -- name of the system's user
    row_count    integer not null check (row_count > 0),
    fault_count  integer not null,                  -- rows that were left out
    rows_done    integer not null default 0 check (rows_done between 0 and row_count),
    stored_count integer not null default 0,
    finished_at  timestamptz,
    primary key (practice_id, run_id)
);
-- The same file, told the same, goes on where it ended.
create unique index import_unfinished on ingest.import_run (practice_id, file_sha256, choices) where finished_at is null;

create table ingest.imported_reading (
    practice_id uuid not null,
    reading_id  uuid not null,
    run_id      uuid not null,
    row_number  integer not null,                   -- line of a CSV file, entry of a bundle, from 1
    primary key (practice_id, reading_id),
    foreign key (practice_id, run_id) references ingest.import_run
);

call ingest.wall('ingest.import_run');
call ingest.wall('ingest.imported_reading');

grant select, insert, update (rows_done, stored_count, finished_at) on ingest.import_run to homevitals_ingest;
grant select, insert on ingest.imported_reading to homevitals_ingest;
grant select on ingest.import_run, ingest.imported_reading to homevitals_console;
-- A file says whose a reading is by the practice's own number.
grant select (practice_id, patient_id, record_number, time_zone) on ingest.patient to homevitals_ingest;
grant insert on ingest.audit_event, ingest.audit_pending to homevitals_ingest;
