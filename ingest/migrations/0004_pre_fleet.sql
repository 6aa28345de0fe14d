-- How a gateway becomes trusted and stops being so.

alter table ingest.gateway drop constraint gateway_status_check;
alter table ingest.gateway add constraint gateway_status_check check (status in ('expected', 'active', 'revoked'));
alter table ingest.gateway alter column enrolled_at drop not null;     -- null: expected, its code not used yet
alter table ingest.gateway alter column enrolled_at drop default;
alter table ingest.gateway add column expected_at timestamptz;         -- null: a gateway of before
alter table ingest.gateway add column revoked_at timestamptz;
alter table ingest.gateway add column cut_off_at timestamptz;          -- when the broker had refused and disconnected it
-- Gateways of before were revoked at an instant that nobody wrote down.
alter table ingest.gateway no force row level security;
update ingest.gateway set revoked_at = now() where status = 'revoked';
alter table ingest.gateway force row level security;
alter table ingest.gateway add constraint gateway_revoked check ((status = 'revoked') = (revoked_at is not null));

-- Every certificate ever issued to a gateway; the key stays on the gateway, its hash refuses a second use.
create table ingest.certificate (
    practice_id       uuid not null,
    gateway_id        text not null,
    serial            text not null,                -- hexadecimal, drawn by the signer
    public_key_sha256 bytea not null,               -- of the SubjectPublicKeyInfo
    not_before        timestamptz not null,
    not_after         timestamptz not null,
    issued_at         timestamptz not null,
    issued_for        text not null check (issued_for in ('claim', 'renewal')),
    primary key (practice_id, serial),
    unique (practice_id, gateway_id, public_key_sha256),
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id),
    check (not_before < not_after)
);
create index certificate_by_key on ingest.certificate (public_key_sha256);
call ingest.wall('ingest.certificate');

create policy wide_entrance on ingest.certificate to homevitals_entrance using (true);
grant select, insert on ingest.certificate to homevitals_entrance;
grant update (status, enrolled_at) on ingest.gateway to homevitals_entrance;

-- The broker's guard: which gateways are revoked, of all practices, and that it has cut them off. Nothing else.
grant usage on schema ingest to homevitals_guard;
grant select (gateway_id, practice_id, status, revoked_at, cut_off_at), update (cut_off_at) on ingest.gateway to homevitals_guard;
grant select on ingest.certificate to homevitals_guard;
create policy wide_guard on ingest.gateway to homevitals_guard using (true);
create policy wide_guard on ingest.certificate for select to homevitals_guard using (true);

grant insert, update (label, status, revoked_at, enrolled_at) on ingest.gateway to homevitals_console;
grant select on ingest.certificate to homevitals_console;
