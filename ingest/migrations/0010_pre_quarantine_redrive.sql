-- Quarantined records can be sent through ingest again: after an update, after a gateway was enrolled, after a repair. A row
-- that was taken in stays as history and leaves the open list.
alter table ingest.quarantine
    add column redrive_asked_at timestamptz,        -- a person wants it sent through ingest again; null once that was done
    add column redrive_asked_by text,
    add column redriven_at timestamptz,             -- when it was last sent through ingest again
    add column redriven_by text,
    add column redriven_to text check (redriven_to in ('stored', 'duplicate', 'quarantined', 'outdated')),   -- null: open
    add column redriven_reason text,                -- why it could not become data the last time; null where it did
    add constraint quarantine_asked check ((redrive_asked_at is null) = (redrive_asked_by is null)),
    add constraint quarantine_redriven check ((redriven_at is null) = (redriven_by is null)
                                              and (redriven_to is null or redriven_at is not null)
                                              and (redriven_to is distinct from 'quarantined' or redriven_reason is not null));
create index quarantine_open on ingest.quarantine (practice_id, received_at desc) where redriven_to is null;
create index quarantine_redriven on ingest.quarantine (practice_id, redriven_at desc) where redriven_to is not null;
create index quarantine_asked on ingest.quarantine (redrive_asked_at) where redrive_asked_at is not null;

grant update (redrive_asked_at, redrive_asked_by, redriven_at, redriven_by, redriven_to, redriven_reason)
    on ingest.quarantine to homevitals_ingest;
-- What a gateway sent before any practice knew it becomes the practice's with the first reading made of it.
grant update (practice_id) on ingest.message to homevitals_ingest;
-- The console cannot write readings. It can ask for a second try.
grant update (redrive_asked_at, redrive_asked_by) on ingest.quarantine to homevitals_console;
-- Ingest follows what was asked in whatever practice, and then works for that practice alone.
create policy wide_ingest_asked on ingest.quarantine for select to homevitals_ingest using (redrive_asked_at is not null);
-- A second try and a second reading of bytes are acts that somebody wanted.
grant insert on ingest.audit_event, ingest.audit_pending to homevitals_ingest;
