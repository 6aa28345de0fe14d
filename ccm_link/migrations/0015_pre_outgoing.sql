-- What leaves for other systems: to a practice's EHR as FHIR resources, to other care platforms as signed webhooks. And what
-- comes back from external time logs.

-- Where things go. An EHR is named by the operator, who has its address and secrets in files; a webhook's address is the
-- administrator's, on a host that the operator allows. A row is ended, never deleted. What concerns its pace is the sender's.
create table ccm.receiver (
    practice_id      uuid not null references ingest.practice,
    receiver_id      uuid not null default gen_random_uuid(),
    kind             text not null check (kind in ('ehr', 'webhook')),
    name             text not null check (name <> ''),      -- of an EHR: of the operator's file
    address          text not null default '',              -- of a webhook
    events           text[] not null default '{}',          -- of a webhook: what it is told
    has_patient_data boolean not null default false,        -- of a webhook: the practice has agreed to it
    added_by         uuid not null,
    added_at         timestamptz not null,
    paused_at        timestamptz,                           -- what happens is queued, nothing is sent
    ended_at         timestamptz not null default 'infinity',
    ended_by         uuid,
    turn_at          timestamptz not null default '-infinity',  -- not before: its pace, and its rest after a failure
    failures         integer not null default 0,            -- in a row
    failure          text not null default '',              -- the last of them, a word of ours
    failing_since    timestamptz,
    primary key (practice_id, receiver_id),
    foreign key (practice_id, added_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, ended_by) references ingest.staff (practice_id, staff_id),
    check ((kind = 'webhook') = (address <> '')),
    check ((ended_at = 'infinity') = (ended_by is null))
);
create unique index one_ehr on ccm.receiver (practice_id) where kind = 'ehr' and ended_at = 'infinity';
create unique index one_such_webhook on ccm.receiver (practice_id, address) where ended_at = 'infinity' and address <> '';

-- The outbox: that something happened, written in the transaction in which it did. What is sent is made of the tables when it
-- is sent, so an EHR gets what holds then; its id is the one that a webhook's receiver sees, however often it is sent.
create table ccm.outgoing (
    practice_id  uuid not null,
    outgoing_id  uuid not null default gen_random_uuid(),
    outgoing_no  bigint generated always as identity,       -- the order of what happened to one patient
    receiver_id  uuid not null,
    kind         text not null check (kind in (
                     'observation', 'task', 'communication', 'care_plan', 'consent', 'document',
                     'task.opened', 'task.returned', 'task.completed', 'alert.opened', 'alert.escalated', 'alert.returned',
                     'month.closed', 'test')),
    subject_id   uuid not null,                             -- which reading, task, …
    subject_at   timestamptz,                               -- of a reading: when it was measured, to find it by
    patient_id   uuid,                                      -- null: it is about nobody in particular
    queued_at    timestamptz not null,
    state        text not null default 'waiting' check (state in ('waiting', 'held', 'sent', 'dead', 'given_up')),
    attempts     integer not null default 0,                -- that failed for a reason of its own
    next_at      timestamptz not null,
    leased_until timestamptz not null default '-infinity',  -- somebody is sending it; later, nobody knows
    failure      text not null default '',                  -- of the last attempt, a word of ours
    overwrites   boolean not null default false,            -- a person wants it to replace what was changed in the EHR
    settled_at   timestamptz,
    settled_by   uuid,                                      -- who gave it up
    reason       text not null default '',                  -- and why
    primary key (practice_id, outgoing_id),
    foreign key (practice_id, receiver_id) references ccm.receiver,
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, settled_by) references ingest.staff (practice_id, staff_id),
    check ((state in ('sent', 'dead', 'given_up')) = (settled_at is not null)),
    check ((state = 'given_up') = (reason <> ''))
);
create index outgoing_due on ccm.outgoing (practice_id, receiver_id, next_at) where state = 'waiting';
create index outgoing_in_order on ccm.outgoing (practice_id, receiver_id, patient_id, outgoing_no) where state = 'waiting';
create index outgoing_unsent on ccm.outgoing (practice_id, receiver_id, state, queued_at) where state in ('held', 'dead');
create index outgoing_of_subject on ccm.outgoing (practice_id, receiver_id, kind, subject_id)
    where state in ('waiting', 'held', 'dead');
create index outgoing_settled on ccm.outgoing (settled_at) where state in ('sent', 'given_up');

-- Who a patient is in the EHR: found by an identifier there, or told by a person. Without a remote id what is about the
-- patient is held; nobody guesses.
create table ccm.ehr_patient (
    practice_id uuid not null,
    receiver_id uuid not null,
    patient_id  uuid not null,
    state       text not null check (state in ('matched', 'unknown', 'ambiguous', 'differs')),
    remote_id   text check (remote_id ~ '^[A-Za-z0-9.-]{1,64}$'),
    matched_by  uuid,                                       -- null: the identifier
    looked_at   timestamptz not null,
    primary key (practice_id, receiver_id, patient_id),
    foreign key (practice_id, receiver_id) references ccm.receiver,
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, matched_by) references ingest.staff (practice_id, staff_id),
    check ((state = 'matched') = (remote_id is not null))
);
create unique index one_of_us_there on ccm.ehr_patient (practice_id, receiver_id, remote_id);

-- What the EHR holds of ours, and which version of it we wrote last.
create table ccm.ehr_resource (
    practice_id    uuid not null,
    receiver_id    uuid not null,
    kind           text not null,
    subject_id     uuid not null,
    patient_id     uuid,
    remote_id      text not null,
    remote_version text not null,
    sent_at        timestamptz not null,
    primary key (practice_id, receiver_id, kind, subject_id),
    foreign key (practice_id, receiver_id) references ccm.receiver,
    foreign key (practice_id, patient_id) references ingest.patient
);

-- A program of somebody else's that may do one thing: report minutes of a practice's patients.
create table ccm.external_system (
    practice_id  uuid not null references ingest.practice,
    system_id    uuid not null default gen_random_uuid(),
    name         text not null check (name <> ''),
    token_sha256 bytea not null,
    added_by     uuid not null,
    added_at     timestamptz not null,
    revoked_at   timestamptz not null default 'infinity',
    revoked_by   uuid,
    primary key (practice_id, system_id),
    foreign key (practice_id, added_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, revoked_by) references ingest.staff (practice_id, staff_id),
    check ((revoked_at = 'infinity') = (revoked_by is null))
);
create unique index external_system_token on ccm.external_system (token_sha256);

-- Whom a system means by its own name of a member of staff.
create table ccm.external_staff (
    practice_id uuid not null,
    system_id   uuid not null,
    external_id text not null check (external_id <> ''),
    staff_id    uuid not null,
    added_by    uuid not null,
    added_at    timestamptz not null,
    primary key (practice_id, system_id, external_id),
    foreign key (practice_id, system_id) references ccm.external_system,
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, added_by) references ingest.staff (practice_id, staff_id)
);

-- Which entry came of what a system reported under its own id; the same id with other content is refused.
create table ccm.external_time_entry (
    practice_id    uuid not null,
    system_id      uuid not null,
    external_id    text not null check (external_id <> ''),
    content_sha256 bytea not null,
    entry_id       uuid not null,
    received_at    timestamptz not null,
    primary key (practice_id, system_id, external_id),
    foreign key (practice_id, system_id) references ccm.external_system,
    foreign key (practice_id, entry_id) references ccm.time_entry
);

call ingest.wall('ccm.receiver');
call ingest.wall('ccm.outgoing');
call ingest.wall('ccm.ehr_patient');
call ingest.wall('ccm.ehr_resource');
call ingest.wall('ccm.external_system');
call ingest.wall('ccm.external_staff');
call ingest.wall('ccm.external_time_entry');

-- A sender takes what is due, whosever it is, and then works for that practice alone.
create policy wide_link on ccm.receiver to homevitals_link using (true);
create policy wide_link on ccm.outgoing to homevitals_link using (true);
-- A token says which system asks; only then is its practice known.
create policy wide_entrance on ccm.external_system for select to homevitals_entrance using (true);

-- Queues what happened for every receiver of the practice that is told of it: an EHR by the kind of resource, a webhook by
-- the name of the event (null: none).
create function ccm.queue_outgoing(
    of_practice uuid, of_patient uuid, resource text, event text, of_subject uuid, of_subject_at timestamptz, at timestamptz
) returns void language sql as $$
    insert into ccm.outgoing (practice_id, receiver_id, kind, subject_id, subject_at, patient_id, queued_at, next_at)
    select of_practice, receiver_id, case kind when 'ehr' then resource else event end, of_subject, of_subject_at,
           of_patient, at, at
    from ccm.receiver
    where practice_id = of_practice and ended_at = 'infinity'
      and (kind = 'ehr' and resource is not null or kind = 'webhook' and event = any (events))
$$;

-- Whoever stores a reading that says something queues it for the rules, in one statement for many, and with it for the EHR;
-- a correction queues the former version as well, which becomes “entered in error” there.
create function ccm.tell_of_readings() returns trigger language plpgsql as $$
begin
    insert into ccm.outgoing (practice_id, receiver_id, kind, subject_id, subject_at, patient_id, queued_at, next_at)
    select added.practice_id, receiver.receiver_id, 'observation', added.reading_id, added.measured_at, added.patient_id,
           added.queued_at, added.queued_at
    from added join ccm.receiver using (practice_id)
    where receiver.kind = 'ehr' and receiver.ended_at = 'infinity';
    return null;
end $$;
create trigger tell_of_readings after insert on ingest.evaluation_queue referencing new table as added
    for each statement execute function ccm.tell_of_readings();

create function ccm.tell_of_task() returns trigger language plpgsql as $$
begin
    perform ccm.queue_outgoing(
        new.practice_id, (select patient_id from ccm.task where practice_id = new.practice_id and task_id = new.task_id),
        'task', case when new.event in ('opened', 'returned', 'completed') then 'task.' || new.event end, new.task_id, null, new.at);
    return null;
end $$;
create trigger tell_of_task after insert on ccm.task_event for each row execute function ccm.tell_of_task();

create function ccm.tell_of_alert() returns trigger language plpgsql as $$
begin
    perform ccm.queue_outgoing(
        new.practice_id,
        (select patient_id from alerts.episode where practice_id = new.practice_id and episode_id = new.episode_id),
        null, 'alert.' || new.event, new.episode_id, null, new.at);
    return null;
end $$;
create trigger tell_of_alert after insert on alerts.episode_event for each row
    when (new.event in ('opened', 'escalated', 'returned')) execute function ccm.tell_of_alert();

create function ccm.tell_of_consent() returns trigger language plpgsql as $$
begin
    perform ccm.queue_outgoing(new.practice_id, new.patient_id, 'consent', null, new.consent_id, null,
                               coalesce(new.revoked_at, new.superseded_at, new.recorded_at));
    return null;
end $$;
create trigger tell_of_consent after insert or update on ccm.consent for each row execute function ccm.tell_of_consent();

-- A version that is signed takes the place of the one before, which says so in the EHR; the plan as a document goes as well.
create function ccm.tell_of_signed_plan() returns trigger language plpgsql as $$
begin
    perform ccm.queue_outgoing(practice_id, patient_id, kind, null, plan_id, null, new.signed_at)
    from ccm.care_plan cross join (values ('care_plan'), ('document')) as kinds (kind)
    where practice_id = new.practice_id and patient_id = new.patient_id and version in (new.version, new.version - 1)
    order by version, kind;
    return null;
end $$;
create trigger tell_of_signed_plan after update on ccm.care_plan for each row
    when (old.signed_at is null and new.signed_at is not null) execute function ccm.tell_of_signed_plan();

create function ccm.tell_of_shared_plan() returns trigger language plpgsql as $$
begin
    perform ccm.queue_outgoing(
        new.practice_id, new.patient_id, 'communication', null, new.share_id, null, new.recorded_at);
    return null;
end $$;
create trigger tell_of_shared_plan after insert on ccm.care_plan_share for each row
    execute function ccm.tell_of_shared_plan();

create function ccm.tell_of_outreach() returns trigger language plpgsql as $$
begin
    perform ccm.queue_outgoing(
        new.practice_id, new.patient_id, 'communication', null, new.outreach_id, null, new.recorded_at);
    return null;
end $$;
create trigger tell_of_outreach after insert on ccm.outreach for each row execute function ccm.tell_of_outreach();

create function ccm.tell_of_closed_month() returns trigger language plpgsql as $$
begin
    perform ccm.queue_outgoing(
        new.practice_id, null, null, 'month.closed', new.lock_id, new.from_at, new.locked_at);
    return null;
end $$;
create trigger tell_of_closed_month after insert on ccm.month_lock for each row
    execute function ccm.tell_of_closed_month();

-- Whoever stores a reading, changes a task or opens an episode queues it.
grant usage on schema ccm to homevitals_ingest;
grant select (practice_id, receiver_id, kind, events, ended_at) on ccm.receiver
    to homevitals_ingest, homevitals_alerts, homevitals_scheduler;
grant insert (practice_id, receiver_id, kind, subject_id, subject_at, patient_id, queued_at, next_at) on ccm.outgoing
    to homevitals_ingest, homevitals_alerts, homevitals_scheduler, homevitals_console;

grant select, insert, update (events, has_patient_data, paused_at, ended_at, ended_by, turn_at, failures, failure, failing_since)
    on ccm.receiver to homevitals_console;
grant select, update (state, next_at, attempts, failure, overwrites, settled_at, settled_by, reason) on ccm.outgoing
    to homevitals_console;
grant select, insert, update (state, remote_id, matched_by, looked_at) on ccm.ehr_patient to homevitals_console;
grant select on ccm.ehr_resource to homevitals_console;
grant select, insert, update (revoked_at, revoked_by) on ccm.external_system to homevitals_console;
grant select, insert, update (staff_id, added_by, added_at), delete on ccm.external_staff to homevitals_console;
grant select, insert on ccm.external_time_entry to homevitals_console;
grant insert on ingest.security_event to homevitals_console;      -- one id with two contents

grant usage on schema ccm to homevitals_entrance;
grant select (practice_id, system_id, name, token_sha256, revoked_at) on ccm.external_system to homevitals_entrance;

-- The sender speaks with machines outside and carries patients' data to them: it reads what it sends, and changes nothing
-- but the outbox.
grant usage on schema ingest, alerts, ccm to homevitals_link;
grant select on ccm.receiver to homevitals_link;
grant update (turn_at, failures, failure, failing_since) on ccm.receiver to homevitals_link;
grant select, update, delete on ccm.outgoing to homevitals_link;
grant select, insert, update on ccm.ehr_patient, ccm.ehr_resource to homevitals_link;
grant insert on ingest.audit_event, ingest.audit_pending to homevitals_link;
grant select on ingest.restriction, ingest.care_team_member, ingest.break_glass to homevitals_link;   -- for the walls
grant select on ingest.practice, ingest.patient, ingest.reading, ingest.reading_history, ingest.reading_version,
    ingest.glucose_context, ingest.peripheral, ingest.gateway, ingest.assignment to homevitals_link;
grant select (practice_id, staff_id, display_name) on ingest.staff to homevitals_link;
grant select on alerts.episode, alerts.episode_event to homevitals_link;
grant select on ccm.task, ccm.task_event, ccm.named_task, ccm.enrolment, ccm.consent, ccm.outreach, ccm.care_plan,
    ccm.care_plan_share, ccm.patient_identifier, ccm.enrolment_practitioner to homevitals_link;
