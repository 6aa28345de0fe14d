-- A program that got no answer sends its request again under the same key; it must not log the same work twice.
create table ccm.repeated_request (
    practice_id uuid not null,
    staff_id    uuid not null,
    key_sha256  bytea not null,                     -- of the key that the program chose, which may hold anything
    body_sha256 bytea not null,                     -- another body under the same key is another request: refused
    entry_id    uuid not null,                      -- what the first one made
    made_at     timestamptz not null,
    primary key (practice_id, staff_id, key_sha256),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, entry_id) references ccm.time_entry (practice_id, entry_id)
);
call ingest.wall('ccm.repeated_request');
grant select, insert, delete on ccm.repeated_request to homevitals_console;
