-- Which numbers of each gateway's outbox have arrived, as readings or in quarantine. Numbers begin at 1 and have no gaps, so
-- what is missing below the highest is known to have been lost or to be still on its way.
create table ingest.outbox_epoch (
    practice_id  uuid not null,
    gateway_id   text not null,
    epoch        text not null,                     -- new with every outbox file
    positions    int8multirange not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    gap_since    timestamptz,                       -- since when something is missing below the highest; null: nothing is
    primary key (practice_id, gateway_id, epoch),
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id)
);
call ingest.wall('ingest.outbox_epoch');
grant select, insert, update on ingest.outbox_epoch to homevitals_ingest;
grant select on ingest.outbox_epoch to homevitals_console, homevitals_scheduler;
-- A count for the log.
create policy wide_scheduler on ingest.outbox_epoch for select to homevitals_scheduler using (true);
