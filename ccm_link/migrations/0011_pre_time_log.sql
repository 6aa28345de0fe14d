-- The time log as an auditor asks for it: who somebody was at the time of the work, for which program, how contact was made;
-- pauses and idle time; approval, locked months and amendments; decisions about conflicts; and one hash chain over it all.

-- What somebody is, from when until when: it decides whose minutes count for what. A row is only ever ended; one that ends
-- where it begins was recorded by mistake.
create table ccm.staff_credential (
    practice_id          uuid not null,
    credential_id        uuid not null default gen_random_uuid(),
    staff_id             uuid not null,
    credential           text not null check (credential in
                             ('md', 'do', 'np', 'pa', 'cns', 'cnm', 'rn', 'lpn', 'ma', 'pharmacist', 'dietitian',
                              'social_worker', 'other', 'none')),
    billing_role         text not null check (billing_role in ('clinical_staff', 'qualified_professional', 'non_clinical')),
    npi                  text check (npi ~ '^[12][0-9]{9}$'),           -- its check digit: ccm_link/minutes/credentials.py
    employer             text not null check (employer in ('own', 'contractor')),
    supervisor_staff_id  uuid,                      -- who directs the work
    may_bill             boolean not null default false,
    exclusion_checked_on date,                      -- against the lists of persons excluded from federal programs
    from_at              timestamptz not null,
    until_at             timestamptz not null default 'infinity',
    recorded_by          uuid not null,
    recorded_at          timestamptz not null,
    ended_by             uuid,
    end_reason           text check (end_reason <> ''),
    primary key (practice_id, credential_id),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, supervisor_staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, recorded_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, ended_by) references ingest.staff (practice_id, staff_id),
    check (from_at <= until_at),
    check (supervisor_staff_id <> staff_id),
    check ((until_at = 'infinity') = (ended_by is null) and (ended_by is null) = (end_reason is null)),
    -- Only these bill in their own name. Source: CMS MLN909188, chronic care management, “practitioner eligibility”.
    check (billing_role <> 'qualified_professional' or credential in ('md', 'do', 'np', 'pa', 'cns', 'cnm')),
    check (not may_bill or (billing_role = 'qualified_professional' and npi is not null)),
    constraint one_credential_at_a_time exclude using gist (
        ccm.staff_span(row(staff_id, from_at)::ccm.staff_instant, row(staff_id, until_at)::ccm.staff_instant) with &&)
);

-- How a practice wants its time log. The row set last holds.
create table ccm.time_policy (
    practice_id            uuid not null references ingest.practice,
    set_at                 timestamptz not null,
    by_hand_needs_approval boolean not null,
    set_by                 uuid not null,
    primary key (practice_id, set_at),
    foreign key (practice_id, set_by) references ingest.staff (practice_id, staff_id)
);

-- A month after which nothing of it is added or voided any more: late entries and amendments are approved by another person.
create table ccm.month_lock (
    practice_id    uuid not null references ingest.practice,
    lock_id        uuid not null default gen_random_uuid(),
    month_on       date not null check (extract(day from month_on) = 1),
    from_at        timestamptz not null,            -- the month by the practice's clocks, as it was when it was locked
    until_at       timestamptz not null,
    chain_position bigint not null,                 -- the last link of the chain at that moment; 0: there was none
    chain_sha256   text not null check (chain_sha256 ~ '^[0-9a-f]{64}$'),
    locked_by      uuid not null,
    locked_at      timestamptz not null,
    primary key (practice_id, month_on),
    unique (practice_id, lock_id),
    foreign key (practice_id, locked_by) references ingest.staff (practice_id, staff_id),
    check (from_at < until_at and until_at <= locked_at)
);

-- A running timer, or one that waits: its program, the span that runs, the last sign of work.
alter table ccm.timer
    add column timer_id   uuid not null default gen_random_uuid(),
    add column program    text default 'ccm' check (program ~ '^[a-z][a-z_]{1,39}$'),       -- null: for none
    add column running_at timestamptz,              -- since when the span runs that is not closed yet
    add column seen_at    timestamptz,              -- the last sign of work
    add column paused_at  timestamptz,              -- null: it runs
    add column is_idle    boolean not null default false,                   -- nobody paused it: nothing was seen for too long
    add constraint idle_timer_waits check (not is_idle or paused_at is not null);
alter table ccm.timer no force row level security;
update ccm.timer set running_at = started_at, seen_at = now();
alter table ccm.timer force row level security;
alter table ccm.timer alter column running_at set not null, alter column seen_at set not null,
    alter column program drop default;

-- The spans of a timer between its pauses, until it is stopped and they become entries.
create table ccm.timer_segment (
    practice_id uuid not null,
    staff_id    uuid not null,
    patient_id  uuid not null,
    started_at  timestamptz not null,
    ended_at    timestamptz not null,
    primary key (practice_id, staff_id, started_at),
    foreign key (practice_id, staff_id) references ccm.timer on delete cascade,
    foreign key (practice_id, patient_id) references ingest.patient,
    check (started_at < ended_at)
);

alter table ccm.discarded_timer
    add column timer_id uuid,
    add column program  text,
    add column worked_s integer check (worked_s >= 0);                      -- without pauses; null: before pauses were known

-- Seconds of a timer in which nothing was seen for too long. They are in no entry; their owner may claim them by hand.
create table ccm.dropped_time (
    practice_id  uuid not null,
    timer_id     uuid not null,
    staff_id     uuid not null,
    patient_id   uuid not null,
    from_at      timestamptz not null,
    until_at     timestamptz not null,
    idle_limit_s integer not null check (idle_limit_s > 0),
    dropped_id   uuid not null default gen_random_uuid(),
    primary key (practice_id, dropped_id),
    unique (practice_id, dropped_id, staff_id, patient_id),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (from_at < until_at)
);
create index dropped_time_by_timer on ccm.dropped_time (practice_id, timer_id, from_at);

-- Entries of before: the log was that of one program, who somebody was then and how contact was made was not asked.
alter table ccm.time_entry
    add column program             text default 'ccm' check (program ~ '^[a-z][a-z_]{1,39}$'),      -- null: for none
    add column credential          text not null default 'unknown' check (credential in
                                       ('md', 'do', 'np', 'pa', 'cns', 'cnm', 'rn', 'lpn', 'ma', 'pharmacist', 'dietitian',
                                        'social_worker', 'other', 'none', 'unknown')),
    add column billing_role        text not null default 'unknown' check (billing_role in
                                       ('clinical_staff', 'qualified_professional', 'non_clinical', 'unattended', 'unknown')),
    add column employer            text not null default 'unknown' check (employer in ('own', 'contractor', 'unknown')),
    add column supervisor_staff_id uuid,
    add column method              text not null default 'unknown' check (method in
                                       ('phone', 'video', 'in_person', 'portal_message', 'text_message', 'letter',
                                        'chart_work', 'unknown')),
    add column counterpart         text not null default 'unknown' check (counterpart in
                                       ('patient', 'caregiver', 'provider', 'pharmacy', 'agency', 'nobody', 'unknown')),
    add column outcome             text not null default 'unknown' check (outcome in
                                       ('reached', 'voicemail', 'no_answer', 'wrong_number', 'not_a_contact', 'unknown')),
    add column zone                text,            -- IANA name: by whose clocks the practice counted its months
    add column timer_id            uuid,            -- spans of one timer, between its pauses
    add column claims_dropped_id   uuid,            -- the dropped seconds that it claims back by hand
    add column needs_approval      boolean not null default false,
    add column is_late             boolean not null default false,          -- added when its month was locked
    add constraint contact_is_whole check (
           (method = 'chart_work') = (counterpart = 'nobody') and (method = 'chart_work') = (outcome = 'not_a_contact')
           and (method = 'unknown') = (counterpart = 'unknown') and (method = 'unknown') = (outcome = 'unknown')
           and (outcome not in ('voicemail', 'no_answer', 'wrong_number') or method in ('phone', 'video'))),
    add constraint time_entry_supervisor foreign key (practice_id, supervisor_staff_id)
        references ingest.staff (practice_id, staff_id),
    add constraint time_entry_claims foreign key (practice_id, claims_dropped_id, staff_id, patient_id)
        references ccm.dropped_time (practice_id, dropped_id, staff_id, patient_id),
    add constraint late_entries_are_approved check (not is_late or (needs_approval and reason <> '')),
    add constraint time_entry_approvable unique (practice_id, entry_id, staff_id, patient_id),
    add constraint time_entry_of_patient unique (practice_id, entry_id, patient_id),
    drop constraint time_entry_activity_check,
    add constraint time_entry_activity_check check (activity in
        ('phone_call', 'chart_review', 'care_coordination', 'medication_review', 'patient_education', 'care_plan_review',
         'symptom_monitoring', 'reading_review', 'referral', 'transition', 'community_resource', 'appointment',
         'preventive_care_gap', 'documentation', 'device_support')),
    drop constraint time_entry_entered_check,
    add constraint time_entry_entered_check check (entered in ('timer', 'by_hand', 'automatic', 'external')),
    drop constraint time_entry_check2,
    add constraint time_entry_has_reason check (entered in ('timer', 'automatic') or reason <> ''),
    -- What another system reports about the same span is kept, and a person decides which of the two counts.
    drop constraint one_person_one_work_at_a_time,
    add constraint one_person_one_work_at_a_time exclude using gist (
        ccm.staff_span(row(staff_id, started_at)::ccm.staff_instant,
                       row(staff_id, ended_at)::ccm.staff_instant) with &&)
        where (voided_at is null and entered <> 'external');
alter table ccm.time_entry disable trigger keep_time_entries;
alter table ccm.time_entry no force row level security;
alter table ingest.practice no force row level security;
update ccm.time_entry set zone = practice.time_zone from ingest.practice
where practice.practice_id = time_entry.practice_id;
alter table ingest.practice force row level security;
alter table ccm.time_entry force row level security;
alter table ccm.time_entry enable trigger keep_time_entries;
alter table ccm.time_entry alter column zone set not null, alter column program drop default;
create index time_entry_by_person on ccm.time_entry (practice_id, staff_id, started_at);
create index time_entry_from_elsewhere on ccm.time_entry (practice_id, staff_id, started_at) where entered = 'external';
create index time_entry_waiting on ccm.time_entry (practice_id, started_at) where needs_approval;
create unique index one_claim_of_dropped_time on ccm.time_entry (practice_id, claims_dropped_id) where voided_at is null;

-- What an entry of a locked month should have been; it counts once another person approved it, and the last approved holds.
create table ccm.time_amendment (
    practice_id  uuid not null,
    amendment_id uuid not null default gen_random_uuid(),
    entry_id     uuid not null,
    patient_id   uuid not null,
    is_withdrawn boolean not null,                  -- it should not have been there at all
    program      text check (program ~ '^[a-z][a-z_]{1,39}$'),
    activity     text not null,
    method       text not null,
    counterpart  text not null,
    outcome      text not null,
    billing_role text not null check (billing_role in
                     ('clinical_staff', 'qualified_professional', 'non_clinical', 'unattended', 'unknown')),
    started_at   timestamptz not null,
    ended_at     timestamptz not null,
    note         text not null,
    reason       text not null check (reason <> ''),
    amended_by   uuid not null,
    amended_at   timestamptz not null,
    primary key (practice_id, amendment_id),
    unique (practice_id, amendment_id, amended_by, patient_id),
    foreign key (practice_id, entry_id, patient_id) references ccm.time_entry (practice_id, entry_id, patient_id),
    foreign key (practice_id, amended_by) references ingest.staff (practice_id, staff_id),
    check (started_at < ended_at and ended_at - started_at <= interval '8 hours' and ended_at <= amended_at),
    check ((method = 'chart_work') = (counterpart = 'nobody') and (method = 'chart_work') = (outcome = 'not_a_contact')
           and (method = 'unknown') = (counterpart = 'unknown') and (method = 'unknown') = (outcome = 'unknown')
           and (outcome not in ('voicemail', 'no_answer', 'wrong_number') or method in ('phone', 'video')))
);
create index time_amendment_by_entry on ccm.time_amendment (practice_id, entry_id, amended_at);
create index time_amendment_by_patient on ccm.time_amendment (practice_id, patient_id, started_at);

-- What another person said to an entry or an amendment: once, and nobody to their own.
create table ccm.time_approval (
    practice_id  uuid not null,
    approval_id  uuid not null default gen_random_uuid(),
    patient_id   uuid not null,
    entry_id     uuid,
    amendment_id uuid,
    of_staff_id  uuid not null,                     -- whose entry or amendment it is
    is_approved  boolean not null,
    note         text not null default '',
    decided_by   uuid not null,
    decided_at   timestamptz not null,
    primary key (practice_id, approval_id),
    unique (practice_id, entry_id),
    unique (practice_id, amendment_id),
    foreign key (practice_id, entry_id, of_staff_id, patient_id)
        references ccm.time_entry (practice_id, entry_id, staff_id, patient_id),
    foreign key (practice_id, amendment_id, of_staff_id, patient_id)
        references ccm.time_amendment (practice_id, amendment_id, amended_by, patient_id),
    foreign key (practice_id, decided_by) references ingest.staff (practice_id, staff_id),
    check (num_nonnulls(entry_id, amendment_id) = 1),
    check (decided_by <> of_staff_id),
    check (is_approved or note <> '')
);

-- Which of two entries counts in seconds that both claim. Of one pair the decision without a successor holds.
create table ccm.time_decision (
    practice_id      uuid not null,
    decision_id      uuid not null default gen_random_uuid(),
    entry_id         uuid not null,                 -- it counts
    patient_id       uuid not null,
    rival_id         uuid not null,                 -- it does not
    rival_patient_id uuid not null,
    from_at          timestamptz not null,
    until_at         timestamptz not null,
    reason           text not null check (reason <> ''),
    decided_by       uuid not null,
    decided_at       timestamptz not null,
    supersedes       uuid,
    primary key (practice_id, decision_id),
    unique (practice_id, supersedes),
    foreign key (practice_id, entry_id, patient_id) references ccm.time_entry (practice_id, entry_id, patient_id),
    foreign key (practice_id, rival_id, rival_patient_id) references ccm.time_entry (practice_id, entry_id, patient_id),
    foreign key (practice_id, decided_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, supersedes) references ccm.time_decision,
    check (entry_id <> rival_id),
    check (from_at < until_at)
);
-- Two who decide at once: the second is told that it is decided.
create unique index one_first_decision on ccm.time_decision
    (practice_id, least(entry_id, rival_id), greatest(entry_id, rival_id)) where supersedes is null;
create index time_decision_by_patient on ccm.time_decision (practice_id, patient_id);
create index time_decision_by_rival on ccm.time_decision (practice_id, rival_patient_id);

-- Position n of a practice's chain: chain_sha256 is over chain_sha256 of n-1 and this row; see ccm_link/minutes/time_chain.py.
create table ccm.time_link (
    practice_id    uuid not null,
    position       bigint not null check (position > 0),
    kind           text not null check (kind in
                       ('entry', 'void', 'dropped', 'approval', 'amendment', 'decision', 'lock')),
    subject_id     uuid not null,                   -- the id of the row that it is over
    content_sha256 bytea not null,
    chain_sha256   bytea not null,
    linked_at      timestamptz not null,
    primary key (practice_id, position),
    unique (practice_id, kind, subject_id)
);

-- The columns that a link of a kind is over, in the form's version 1. What is added later needs a version 2.
create function ccm.linked_columns(kind text) returns text[] language sql immutable parallel safe as $$
    select case kind
        when 'entry' then array['practice_id', 'entry_id', 'staff_id', 'staff_role', 'patient_id', 'task_id', 'activity',
            'started_at', 'ended_at', 'note', 'entered', 'reason', 'entered_at', 'replaces', 'program', 'credential',
            'billing_role', 'employer', 'supervisor_staff_id', 'method', 'counterpart', 'outcome', 'zone', 'timer_id',
            'claims_dropped_id', 'needs_approval', 'is_late']
        when 'void' then array['practice_id', 'entry_id', 'voided_at', 'voided_by', 'void_reason']
        when 'dropped' then array['practice_id', 'dropped_id', 'timer_id', 'staff_id', 'patient_id', 'from_at', 'until_at',
            'idle_limit_s']
        when 'approval' then array['practice_id', 'approval_id', 'patient_id', 'entry_id', 'amendment_id', 'of_staff_id',
            'is_approved', 'note', 'decided_by', 'decided_at']
        when 'amendment' then array['practice_id', 'amendment_id', 'entry_id', 'patient_id', 'is_withdrawn', 'program',
            'activity', 'method', 'counterpart', 'outcome', 'billing_role', 'started_at', 'ended_at', 'note', 'reason',
            'amended_by', 'amended_at']
        when 'decision' then array['practice_id', 'decision_id', 'entry_id', 'patient_id', 'rival_id', 'rival_patient_id',
            'from_at', 'until_at', 'reason', 'decided_by', 'decided_at', 'supersedes']
        when 'lock' then array['practice_id', 'lock_id', 'month_on', 'from_at', 'until_at', 'chain_position', 'chain_sha256',
            'locked_by', 'locked_at']
    end
$$;

-- The canonical form of ingest/audit_chain.py, of columns that are ids, texts, whole numbers, truths, days and (…_at) instants.
create function ccm.canonical_bytes(content jsonb, columns text[]) returns bytea language sql stable as $$
    select convert_to('{' || string_agg(to_json(name)::text || ':' || case
            when content ->> name is null then 'null'
            when name like '%\_at' then to_json(to_char(
                (content ->> name)::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
            else (content -> name)::text
        end, ',' order by name collate "C") || '}', 'UTF8')
    from unnest(columns) name
$$;

-- Appends a link. Rows of one practice take turns from here until the end of the transaction, and this is called when
-- everything else of the transaction is done.
create function ccm.append_link(of_practice uuid, of_kind text, of_subject uuid, content jsonb) returns void
language plpgsql as $$
declare
    former   ccm.time_link;
    at       constant timestamptz := clock_timestamp();
    content_sha256 constant bytea := sha256(
        'homevitals time content v1'::bytea || '\x0a'::bytea || ccm.canonical_bytes(content, ccm.linked_columns(of_kind)));
    previous bytea;
begin
    perform pg_advisory_xact_lock(hashtextextended('ccm.time_chain/' || of_practice::text, 0));
    select * into former from ccm.time_link where practice_id = of_practice order by position desc limit 1;
    previous := coalesce(former.chain_sha256,
        sha256('homevitals time genesis v1'::bytea || '\x0a'::bytea || convert_to(of_practice::text, 'UTF8')));
    insert into ccm.time_link (practice_id, position, kind, subject_id, content_sha256, chain_sha256, linked_at)
    values (of_practice, coalesce(former.position, 0) + 1, of_kind, of_subject, content_sha256, sha256(
        'homevitals time link v1'::bytea || '\x0a'::bytea || previous || ccm.canonical_bytes(jsonb_build_object(
            'practice_id', of_practice, 'position', coalesce(former.position, 0) + 1, 'kind', of_kind,
            'subject_id', of_subject, 'content_sha256', encode(content_sha256, 'hex'), 'linked_at', at),
            array['practice_id', 'position', 'kind', 'subject_id', 'content_sha256', 'linked_at'])), at);
end $$;

-- Called at the end of the transaction; with the owner's rights, for nobody else writes links, and for the row's practice,
-- whatever the transaction works for by then.
create function ccm.link_row() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    asking  constant text := coalesce(current_setting('homevitals.practice', true), '');
    content constant jsonb := to_jsonb(new);
begin
    perform set_config('homevitals.practice', array[new.practice_id]::text, true);
    perform ccm.append_link(new.practice_id, tg_argv[0], (content ->> tg_argv[1])::uuid, content);
    perform set_config('homevitals.practice', asking, true);
    return null;
end $$;
-- Nobody else puts it on a table of their own, where it would link whatever stands in that.
revoke execute on function ccm.link_row() from public;

-- What is there already becomes the beginning of its practice's chain, in the order in which it came.
alter table ccm.time_entry no force row level security;
do $$
declare
    one record;
begin
    for one in
        select practice_id, entry_id, entered_at as at, 'entry' as kind, to_jsonb(entry) as content from ccm.time_entry entry
        union all
        select practice_id, entry_id, voided_at, 'void', to_jsonb(entry) from ccm.time_entry entry
        where voided_at is not null
        order by at, kind, entry_id
    loop
        perform ccm.append_link(one.practice_id, one.kind, one.entry_id, one.content);
    end loop;
end $$;
alter table ccm.time_entry force row level security;

create constraint trigger link_entry after insert on ccm.time_entry deferrable initially deferred
    for each row execute function ccm.link_row('entry', 'entry_id');
create constraint trigger link_void after update of voided_at on ccm.time_entry deferrable initially deferred
    for each row execute function ccm.link_row('void', 'entry_id');
create constraint trigger link_dropped after insert on ccm.dropped_time deferrable initially deferred
    for each row execute function ccm.link_row('dropped', 'dropped_id');
create constraint trigger link_approval after insert on ccm.time_approval deferrable initially deferred
    for each row execute function ccm.link_row('approval', 'approval_id');
create constraint trigger link_amendment after insert on ccm.time_amendment deferrable initially deferred
    for each row execute function ccm.link_row('amendment', 'amendment_id');
create constraint trigger link_decision after insert on ccm.time_decision deferrable initially deferred
    for each row execute function ccm.link_row('decision', 'decision_id');
create constraint trigger link_lock after insert on ccm.month_lock deferrable initially deferred
    for each row execute function ccm.link_row('lock', 'lock_id');

-- Whoever adds or voids shares the practice's months; whoever locks one has them alone, and sees all that was under way.
create function ccm.refuse_locked_month() returns trigger language plpgsql as $$
declare
    is_locked boolean;
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('ccm.month/' || new.practice_id::text, 0));
    is_locked := exists (
        select from ccm.month_lock
        where practice_id = new.practice_id and from_at < new.ended_at and new.started_at < until_at);
    if tg_op = 'INSERT' and new.is_late <> is_locked
       or tg_op = 'UPDATE' and is_locked and not (new.is_late and not exists (
            select from ccm.time_approval
            where practice_id = new.practice_id and entry_id = new.entry_id and is_approved)) then
        raise exception 'the month is locked, or the entry is late without need'
            using errcode = 'check_violation', constraint = 'month_is_locked';
    end if;
    return new;
end $$;
create trigger refuse_locked_month before insert or update on ccm.time_entry
    for each row execute function ccm.refuse_locked_month();

-- Append-only, for the owner too.
create function ccm.keep_time_log() returns trigger language plpgsql as
    $$ begin raise exception 'the time log is never changed'; end $$;
create trigger keep_time_log before update or delete or truncate on ccm.time_link
    for each statement execute function ccm.keep_time_log();
create trigger keep_time_log before update or delete or truncate on ccm.dropped_time
    for each statement execute function ccm.keep_time_log();
create trigger keep_time_log before update or delete or truncate on ccm.time_approval
    for each statement execute function ccm.keep_time_log();
create trigger keep_time_log before update or delete or truncate on ccm.time_amendment
    for each statement execute function ccm.keep_time_log();
create trigger keep_time_log before update or delete or truncate on ccm.time_decision
    for each statement execute function ccm.keep_time_log();
create trigger keep_time_log before update or delete or truncate on ccm.month_lock
    for each statement execute function ccm.keep_time_log();

-- An entry as it counts: with its last approved amendment, and, where who somebody was was not known when it was entered,
-- with what was recorded about that time since then, before the month was locked.
create view ccm.counted_entry with (security_invoker = true) as
    select entry.practice_id, entry.entry_id, entry.staff_id, entry.patient_id, entry.task_id, entry.entered, entry.is_late,
           entry.zone,
           coalesce(amended.started_at, entry.started_at) as started_at,
           coalesce(amended.ended_at, entry.ended_at) as ended_at,
           case when amended.entry_id is null then entry.program else amended.program end as program,
           coalesce(amended.activity, entry.activity) as activity,
           coalesce(amended.method, entry.method) as method,
           coalesce(amended.counterpart, entry.counterpart) as counterpart,
           coalesce(amended.outcome, entry.outcome) as outcome,
           coalesce(nullif(coalesce(amended.billing_role, entry.billing_role), 'unknown'), credential.billing_role,
                    'unknown') as billing_role,
           amended.entry_id is not null as is_amended,
           entry.voided_at is not null or coalesce(amended.is_withdrawn, false) as is_voided,
           not entry.needs_approval or coalesce(approval.is_approved, false) as is_approved,
           entry.needs_approval and approval.approval_id is not null and not approval.is_approved as is_refused
    from ccm.time_entry entry
    left join ccm.time_approval approval
        on entry.needs_approval and approval.practice_id = entry.practice_id and approval.entry_id = entry.entry_id
    left join (
        select distinct on (amendment.practice_id, amendment.entry_id) amendment.*
        from ccm.time_amendment amendment
        join ccm.time_approval approved using (practice_id, amendment_id)
        where approved.is_approved
        order by amendment.practice_id, amendment.entry_id, approved.decided_at desc, amendment.amended_at desc,
                 amendment.amendment_id
    ) amended on amended.practice_id = entry.practice_id and amended.entry_id = entry.entry_id
    left join ccm.staff_credential credential
        on entry.billing_role = 'unknown' and credential.practice_id = entry.practice_id
        and credential.staff_id = entry.staff_id
        and credential.from_at <= entry.started_at and entry.started_at < credential.until_at
        and not exists (
            select from ccm.month_lock
            where month_lock.practice_id = entry.practice_id and month_lock.from_at <= entry.started_at
              and entry.started_at < month_lock.until_at and month_lock.locked_at < credential.recorded_at);

-- An entry with the words that a person reads beside it.
drop view ccm.named_time_entry;
create view ccm.named_time_entry with (security_invoker = true) as
    select entry.*, patient.display_name as patient_name, staff.display_name as staff_name,
           voider.display_name as voided_by_name, supervisor.display_name as supervisor_name,
           approval.is_approved as is_approved, approval.note as approval_note, approver.display_name as approved_by_name,
           (select coalesce(sum(extract(epoch from dropped.until_at - dropped.from_at)), 0)::integer
            from ccm.dropped_time dropped
            where dropped.practice_id = entry.practice_id and dropped.timer_id = entry.timer_id) as dropped_s,
           (select count(*)::integer from ccm.time_amendment amendment
            where amendment.practice_id = entry.practice_id and amendment.entry_id = entry.entry_id) as amendment_count
    from ccm.time_entry entry
    join ingest.patient using (practice_id, patient_id)
    join ingest.staff using (practice_id, staff_id)
    left join ingest.staff voider
        on voider.practice_id = entry.practice_id and voider.staff_id = entry.voided_by
    left join ingest.staff supervisor
        on supervisor.practice_id = entry.practice_id and supervisor.staff_id = entry.supervisor_staff_id
    left join ccm.time_approval approval
        on approval.practice_id = entry.practice_id and approval.entry_id = entry.entry_id
    left join ingest.staff approver
        on approver.practice_id = approval.practice_id and approver.staff_id = approval.decided_by;

call ingest.wall('ccm.staff_credential');
call ingest.wall('ccm.time_policy');
call ingest.wall('ccm.month_lock');
call ingest.wall('ccm.timer_segment');
call ingest.wall('ccm.dropped_time');
call ingest.wall('ccm.time_amendment');
call ingest.wall('ccm.time_approval');
call ingest.wall('ccm.time_decision');
call ingest.wall('ccm.time_link');
-- A decision is about two patients: whoever does not see both sees nothing of it.
drop policy patient_wall on ccm.time_decision;
create policy patient_wall on ccm.time_decision as restrictive using (
    (ingest.patient_in_force() is null
     or patient_id = ingest.patient_in_force() and rival_patient_id = ingest.patient_in_force())
    and not array[patient_id, rival_patient_id] && (select ingest.hidden_patients())::uuid[]);

grant select, insert, update (until_at, ended_by, end_reason) on ccm.staff_credential to homevitals_console;
grant select, insert on ccm.time_policy, ccm.month_lock, ccm.dropped_time, ccm.time_amendment, ccm.time_approval,
    ccm.time_decision to homevitals_console;
grant select, insert, delete on ccm.timer_segment to homevitals_console;
grant update (running_at, seen_at, paused_at, is_idle) on ccm.timer to homevitals_console;
grant select on ccm.time_link, ccm.counted_entry, ccm.named_time_entry to homevitals_console;

-- Whoever checks the trail of looks and changes checks this one as well, one practice after the other.
grant usage on schema ccm to homevitals_sealer;
grant select on ingest.restriction, ingest.care_team_member, ingest.break_glass to homevitals_sealer;  -- for the walls
grant select on ccm.time_link, ccm.time_entry, ccm.dropped_time, ccm.time_approval, ccm.time_amendment, ccm.time_decision,
    ccm.month_lock to homevitals_sealer;
