-- What gateways are told from afar: versions that nobody changes, signed outside of the database, and how far each gateway
-- has followed.

create table ingest.gateway_configuration (
    practice_id uuid not null,
    gateway_id  text not null,
    number      integer not null check (number > 0),                    -- counts up for each gateway
    content     bytea not null check (octet_length(content) <= 131072), -- as it was signed: firmware_profiles/gateway_configuration.py
    key_id      text not null check (key_id ~ '^[0-9a-f]{64}$'),        -- SHA-256 of the public key
    signature   bytea not null check (octet_length(signature) = 64),    -- Ed25519, by the signer
    made_at     timestamptz not null,
    made_by     text not null check (made_by <> ''),                    -- id of a member of staff, or name of the system's user
    primary key (practice_id, gateway_id, number),
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id)
);

create function ingest.keep_configuration() returns trigger language plpgsql as
    $$ begin raise exception 'a version of a configuration is never changed; make another one'; end $$;
create trigger keep_configuration before update or delete or truncate on ingest.gateway_configuration
    for each statement execute function ingest.keep_configuration();

-- One row for each gateway that was ever given a configuration, or has said what it follows.
create table ingest.gateway_following (
    practice_id    uuid not null,
    gateway_id     text not null,
    wanted_number  integer check (wanted_number > 0),   -- its latest version
    sent_number    integer check (sent_number > 0),     -- what the broker keeps for it; null: nothing
    sent_at        timestamptz,                         -- when the broker last took it
    heard_at       timestamptz,                         -- when the gateway last said what it follows
    applied_number integer check (applied_number >= 0), -- 0: its own settings alone; null: it has never said
    refused_number integer check (refused_number > 0),
    refused_reason text,                                -- firmware_profiles/signed_configuration.py
    refused_detail text,
    primary key (practice_id, gateway_id),
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id),
    check ((sent_number is null) = (sent_at is null)),
    check ((heard_at is null) = (applied_number is null)),
    check ((refused_reason is null) = (refused_detail is null) and (refused_number is null or refused_reason is not null))
);

call ingest.wall('ingest.gateway_configuration');
call ingest.wall('ingest.gateway_following');
-- The courier brings every practice's configurations to the broker, and hears every gateway.
create policy wide_ingest on ingest.gateway_configuration for select to homevitals_ingest using (true);
create policy wide_ingest on ingest.gateway_following to homevitals_ingest using (true);

grant select, insert on ingest.gateway_configuration to homevitals_console;
grant select, insert, update (wanted_number) on ingest.gateway_following to homevitals_console;
grant select on ingest.gateway_configuration to homevitals_ingest;
grant select, insert, update on ingest.gateway_following to homevitals_ingest;
