-- How gateways are, as they say themselves: the last word, a slim past of it, and what a damaged outbox took with it.
create table ingest.gateway_health (
    practice_id     uuid not null,
    gateway_id      text not null,
    received_at     timestamptz not null,
    said_at         timestamptz not null,               -- the gateway's word, which its clock may have wrong
    boot_id         text not null,                      -- new with every start of its process
    waiting_records bigint not null check (waiting_records >= 0),
    health          jsonb not null,                     -- as in the wire format
    primary key (practice_id, gateway_id),
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id)
);
call ingest.wall('ingest.gateway_health');

-- One row an hour, and one whenever it started anew, a radio went or came, its clock was set, or its outbox closed or opened.
create table ingest.gateway_health_past (
    practice_id      uuid not null,
    gateway_id       text not null,
    received_at      timestamptz not null,
    boot_id          text not null,
    waiting_records  bigint not null,
    oldest_waiting_s bigint,                            -- null: nothing waits, or nobody knows since when
    outbox_bytes     bigint not null,
    closed           text,                              -- null: it takes records
    clock            text not null,
    disk_free_bytes  bigint,
    temperature_c    real,
    resident_bytes   bigint,
    adapters         smallint not null,
    adapters_up      smallint not null,
    primary key (practice_id, gateway_id, received_at),
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id)
);
call ingest.wall('ingest.gateway_health_past');
create index gateway_health_past_age on ingest.gateway_health_past (received_at);

-- Repairs of outboxes. What was not saved and had not arrived is lost, unless a peripheral still has it.
create table ingest.outbox_salvage (
    practice_id   uuid not null,
    gateway_id    text not null,
    found_at      timestamptz not null,                 -- the gateway's word
    epoch         text,                                 -- of the damaged outbox; null: not even that could be read
    reason        text not null,
    saved         bigint not null,                      -- records that live on under new numbers
    highest_seq   bigint,                               -- null: nobody knows how many there were
    unsaved_count bigint not null,
    unsaved       int8multirange not null,              -- the first runs of them
    reported_at   timestamptz not null,
    primary key (practice_id, gateway_id, found_at),
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id)
);
call ingest.wall('ingest.outbox_salvage');

grant select, insert, update on ingest.gateway_health to homevitals_ingest;
grant select, insert on ingest.gateway_health_past, ingest.outbox_salvage to homevitals_ingest;
grant select on ingest.gateway_health, ingest.gateway_health_past, ingest.outbox_salvage to homevitals_console;
grant select, delete on ingest.gateway_health_past to homevitals_scheduler;
-- The past of all gateways ends after some months.
create policy wide_scheduler on ingest.gateway_health_past to homevitals_scheduler using (true);
