-- The audit trail: events that nobody can change, sealed into one hash chain per practice by a process of its own.
-- What belongs to no practice (an unknown name at the sign-in) is in the chain of the nil UUID.

create table ingest.audit_event (
    practice_id uuid not null,
    event_id    uuid not null,
    at          timestamptz not null,
    kind        text not null,                      -- closed list in ingest/audit.py
    action      text not null check (action in ('C', 'R', 'U', 'D', 'E')),      -- FHIR AuditEvent.action
    outcome     text not null check (outcome in ('success', 'refused', 'failed')),
    agent_kind  text not null check (agent_kind in ('staff', 'home_person', 'gateway', 'service', 'command_line', 'nobody')),
    agent_id    text not null default '',           -- staff, person or gateway id, service or system user name
    agent_role  text not null default '',
    network     text not null default '',           -- address the request came from
    session     text not null default '',           -- first 16 hexadecimal digits of the token's SHA-256
    purpose     text not null default 'TREAT',      -- HL7 v3 PurposeOfUse: TREAT, ETREAT, HOPERAT, PATRQT, HSYSADMIN
    patient_ids uuid[] not null default '{}',
    resource    text not null default '',
    resource_id text not null default '',
    detail      jsonb not null default '{}',        -- counts, kinds of query, before and after of a change
    primary key (practice_id, event_id)
);
create index audit_event_by_time on ingest.audit_event (practice_id, at desc, event_id desc);
create index audit_event_by_patient on ingest.audit_event using gin (patient_ids);

-- What the sealer has not sealed yet; a queue, because an id or time cursor skips what commits late.
create table ingest.audit_pending (
    practice_id uuid not null,
    event_id    uuid not null,
    primary key (practice_id, event_id)
);

-- Position n of a practice's chain: chain_sha256 is over chain_sha256 of n-1 and this row; see ingest/audit_chain.py.
create table ingest.audit_link (
    practice_id  uuid not null,
    position     bigint not null check (position > 0),
    event_id     uuid not null,
    event_sha256 bytea not null,
    chain_sha256 bytea not null,
    sealed_at    timestamptz not null,
    primary key (practice_id, position),
    unique (practice_id, event_id)
);

create function ingest.keep_audit() returns trigger language plpgsql as
    $$ begin raise exception 'the audit trail is never changed'; end $$;
create trigger keep_audit before update or delete or truncate on ingest.audit_event
    for each statement execute function ingest.keep_audit();
create trigger keep_audit before update or delete or truncate on ingest.audit_link
    for each statement execute function ingest.keep_audit();

call ingest.wall('ingest.audit_event');
call ingest.wall('ingest.audit_pending');
call ingest.wall('ingest.audit_link');
-- A person at home sees only the events about their own patient. Staff see all of their practice, also about restricted
-- patients: an event says that a record was opened, not what was in it.
create policy patient_wall on ingest.audit_event as restrictive for select
    using (ingest.patient_in_force() is null or ingest.patient_in_force() = any (patient_ids));

grant usage on schema ingest to homevitals_sealer;
-- The entrance writes for people who are not signed in, in a practice or (the nil UUID) in none.
grant insert on ingest.audit_event, ingest.audit_pending to homevitals_console, homevitals_entrance, homevitals_scheduler,
    homevitals_guard;
grant select on ingest.audit_event, ingest.audit_link to homevitals_console;      -- the auditor's pages, one practice
create policy wide_sealer on ingest.audit_event for select to homevitals_sealer using (true);
create policy wide_sealer on ingest.audit_pending to homevitals_sealer using (true);
create policy wide_sealer on ingest.audit_link to homevitals_sealer using (true);
grant select on ingest.audit_event to homevitals_sealer;
grant select, delete on ingest.audit_pending to homevitals_sealer;
grant select, insert on ingest.audit_link to homevitals_sealer;
-- The commands of the trail work in the sealer's role: they find a practice by its short name, and an export is an event.
create policy wide_sealer on ingest.practice for select to homevitals_sealer using (true);
grant select (practice_id, slug) on ingest.practice to homevitals_sealer;
grant insert on ingest.audit_event, ingest.audit_pending to homevitals_sealer;
