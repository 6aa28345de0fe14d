-- Statements of imports: readings from files.

-- name: people_by_record_number
-- Whose the readings are, and in which zone their days are counted.
select record_number, patient_id, time_zone
from ingest.patient
where practice_id = %(practice_id)s and record_number = any(%(record_numbers)s);

-- name: make_seen
-- The keys of a file's rows so far, kept by the connection: a file may be larger than the memory.
create temporary table if not exists seen_in_file (record_key bytea primary key);

-- name: forget_seen
-- Before another file is looked at over the same connection.
truncate seen_in_file;

-- name: see
-- Returns the keys that stood in no earlier row of the file.
insert into seen_in_file select distinct unnest(%(record_keys)s::bytea[]) on conflict do nothing returning record_key;

-- name: from_devices
-- Which rows say what a peripheral of the patient sent: the same numbers within what the file's times are exact to. They
-- come as JSON objects, by the names of the columns.
select wanted.position
from unnest(%(patient_ids)s::uuid[], %(kinds)s::text[], %(results)s::text[], %(from_ats)s::timestamptz[],
            %(until_ats)s::timestamptz[], %(numbers)s::text[]) with ordinality
    as wanted (patient_id, kind, result, from_at, until_at, numbers, position)
where exists (
    select from ingest.reading r
    where r.practice_id = %(practice_id)s and r.patient_id = wanted.patient_id and r.kind = wanted.kind
      and r.measured_at >= wanted.from_at and r.measured_at < wanted.until_at
      and r.origin = 'device' and r.result = wanted.result
      and to_jsonb(r) @> wanted.numbers::jsonb)
order by wanted.position;

-- name: unfinished_run
-- An import of the same file, told the same, that was ended before its end.
select run_id, rows_done, stored_count, row_count
from ingest.import_run
where practice_id = %(practice_id)s and file_sha256 = %(file_sha256)s and choices = %(choices)s and finished_at is null;

-- name: begin_run
-- Before the first reading is stored.
insert into ingest.import_run (practice_id, run_id, file_sha256, format, choices, started_at, started_by, row_count,
                               fault_count)
values (%(practice_id)s, %(run_id)s, %(file_sha256)s, %(format)s, %(choices)s, %(at)s, %(started_by)s, %(row_count)s,
        %(fault_count)s);

-- name: advance_run
-- In the transaction of the batch; who finds another place than they left was overtaken.
update ingest.import_run
set rows_done = %(rows_done)s, stored_count = stored_count + %(stored)s,
    finished_at = case when %(rows_done)s = row_count then %(at)s::timestamptz end
where practice_id = %(practice_id)s and run_id = %(run_id)s and rows_done = %(rows_before)s and finished_at is null
returning run_id;

-- name: link_readings
-- From a reading back to the row of the file.
insert into ingest.imported_reading (practice_id, reading_id, run_id, row_number)
select %(practice_id)s, reading_id, %(run_id)s, row_number
from unnest(%(reading_ids)s::uuid[], %(row_numbers)s::integer[]) as stored (reading_id, row_number);

-- name: row_of_reading
-- Which row of which file a reading came of.
select i.row_number, run.format, run.file_sha256, run.started_at, run.started_by
from ingest.imported_reading i
join ingest.import_run run using (practice_id, run_id)
where i.practice_id = %(practice_id)s and i.reading_id = %(reading_id)s;
