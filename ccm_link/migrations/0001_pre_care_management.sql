-- Enrolment, tasks, timers, the append-only time log.

create schema ccm;

create table ccm.enrolment (
    practice_id           uuid not null,
    patient_id            uuid not null,
    program               text not null check (program in ('ccm')),
    consent_documented_at timestamptz not null,     -- minutes before consent never count
    ended_at              timestamptz not null default 'infinity',
    enrolled_by           text not null,
    primary key (practice_id, patient_id, program, consent_documented_at),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (consent_documented_at < ended_at)
);
create unique index one_open_enrolment on ccm.enrolment (practice_id, patient_id, program)
    where ended_at = 'infinity';

create table ccm.task (
    practice_id      uuid not null,
    task_id          uuid not null default gen_random_uuid(),
    patient_id       uuid not null,
    episode_id       uuid not null,
    title            text not null,
    severity         text not null check (severity in ('urgent', 'clinical')),
    status           text not null default 'open' check (status in ('open', 'completed')),
    owner_staff_id   uuid,
    opened_at        timestamptz not null,
    due_at           timestamptz not null,
    completed_at     timestamptz,
    disposition      text check (disposition in
                         ('reached_advised', 'reached_escalated', 'not_reached', 'technique_error',
                          'device_fault', 'expected_threshold_reviewed', 'emergency_services_advised')),
    disposition_note text,
    row_version      integer not null default 1,    -- a form that was drawn from an older row is refused
    primary key (practice_id, task_id),
    unique (practice_id, episode_id),               -- one task per episode, whatever is retried
    unique (practice_id, task_id, patient_id),      -- so that time on a task can only be its patient's time
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, episode_id) references alerts.episode,
    foreign key (practice_id, owner_staff_id) references ingest.staff (practice_id, staff_id),
    check ((status = 'completed') = (completed_at is not null and disposition is not null
                                     and disposition_note <> '' and owner_staff_id is not null))
);
create index task_worklist on ccm.task (practice_id, severity desc, due_at) where status = 'open';

create table ccm.task_event (
    practice_id uuid not null,
    task_id     uuid not null,
    at          timestamptz not null,
    event       text not null check (event in ('opened', 'claimed', 'released', 'completed')),
    staff_id    uuid,
    note        text not null default '',
    foreign key (practice_id, task_id) references ccm.task
);
create index task_event_by_task on ccm.task_event (practice_id, task_id, at);

-- The running timers: the server holds the start, a page only shows it. One per person.
create table ccm.timer (
    practice_id uuid not null,
    staff_id    uuid not null,
    patient_id  uuid not null,
    task_id     uuid,
    activity    text not null,
    started_at  timestamptz not null,
    primary key (practice_id, staff_id),
    foreign key (practice_id, staff_id) references ingest.staff,
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, task_id, patient_id) references ccm.task (practice_id, task_id, patient_id)
);

-- Timers that were thrown away instead of stored: nobody's work vanishes without a word.
create table ccm.discarded_timer (
    practice_id  uuid not null,
    staff_id     uuid not null,
    patient_id   uuid not null,
    task_id      uuid,
    activity     text not null,
    started_at   timestamptz not null,
    discarded_at timestamptz not null,
    reason       text not null check (reason <> ''),
    foreign key (practice_id, staff_id) references ingest.staff,
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, task_id) references ccm.task
);
create index discarded_timer_by_person on ccm.discarded_timer (practice_id, staff_id, discarded_at);

-- An instant of one person's time; see ingest.slot_instant for why a range of records.
create type ccm.staff_instant as (staff_id uuid, at timestamptz);
create type ccm.staff_span as range (subtype = ccm.staff_instant);

create table ccm.time_entry (
    practice_id uuid not null,
    entry_id    uuid not null default gen_random_uuid(),
    staff_id    uuid not null,
    staff_role  text not null,                      -- at that time: it decides whether the minutes may count
    patient_id  uuid not null,
    task_id     uuid,
    activity    text not null check (activity in
                    ('phone_call', 'chart_review', 'care_coordination', 'medication_review',
                     'patient_education', 'care_plan_review')),
    started_at  timestamptz not null,
    ended_at    timestamptz not null,
    note        text not null,
    entered     text not null check (entered in ('timer', 'by_hand')),
    reason      text not null default '',           -- why it was entered by hand
    entered_at  timestamptz not null default now(),
    replaces    uuid,                               -- the voided entry that this one corrects
    voided_at   timestamptz,
    voided_by   uuid,
    void_reason text,
    primary key (practice_id, entry_id),
    foreign key (practice_id, staff_id) references ingest.staff,
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, task_id, patient_id) references ccm.task (practice_id, task_id, patient_id),
    foreign key (practice_id, voided_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, replaces) references ccm.time_entry,
    check (started_at < ended_at and ended_at - started_at <= interval '8 hours'),
    check (ended_at <= entered_at + interval '1 minute'),
    check (entered = 'timer' or reason <> ''),
    check ((voided_at is null) = (voided_by is null) and (voided_at is null) = (void_reason is null)),
    constraint one_person_one_work_at_a_time exclude using gist (
        ccm.staff_span(row(staff_id, started_at)::ccm.staff_instant,
                       row(staff_id, ended_at)::ccm.staff_instant) with &&)
        where (voided_at is null)
);
create index time_entry_by_patient on ccm.time_entry (practice_id, patient_id, started_at);
create index time_entry_by_practice on ccm.time_entry (practice_id, started_at);

-- A task and a time entry with the names that a person reads beside them.
create view ccm.named_task with (security_invoker = true) as
    select task.*, patient.display_name as patient_name, patient.record_number, owner.display_name as owner_name,
           episode.breach_count, episode.breached_at, coalesce(breach.note, '') as breach_sentence
    from ccm.task
    join ingest.patient using (practice_id, patient_id)
    join alerts.episode using (practice_id, patient_id, episode_id)
    left join lateral (
        select note from alerts.episode_event event
        where event.practice_id = task.practice_id and event.episode_id = task.episode_id
          and event.reading_id is not null
        order by event.measured_at desc, event.at desc
        limit 1
    ) breach on true
    left join ingest.staff owner
        on owner.practice_id = task.practice_id and owner.staff_id = task.owner_staff_id;

create view ccm.named_time_entry with (security_invoker = true) as
    select entry.*, patient.display_name as patient_name, staff.display_name as staff_name,
           voider.display_name as voided_by_name
    from ccm.time_entry entry
    join ingest.patient using (practice_id, patient_id)
    join ingest.staff using (practice_id, staff_id)
    left join ingest.staff voider
        on voider.practice_id = entry.practice_id and voider.staff_id = entry.voided_by;

-- A calendar month as the practice's own clocks tell it; month_on is its first day.
create function ccm.month_span(of_practice uuid, month_on date) returns tstzrange
language sql stable as $$
    select tstzrange(month_on::timestamp at time zone time_zone,
                     (month_on + interval '1 month') at time zone time_zone)
    from ingest.practice where practice_id = of_practice
$$;

-- Append-only: an entry is never deleted and never changed but for being voided, once.
create function ccm.keep_time_entries() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'time entries are never deleted; void the entry instead';
    end if;
    if old.voided_at is not null
       or (to_jsonb(new) - array['voided_at', 'voided_by', 'void_reason'])
          is distinct from (to_jsonb(old) - array['voided_at', 'voided_by', 'void_reason']) then
        raise exception 'time entries are never changed; void the entry and add a new one';
    end if;
    return new;
end $$;
create trigger keep_time_entries before update or delete on ccm.time_entry
    for each row execute function ccm.keep_time_entries();
create function ccm.refuse_truncate() returns trigger language plpgsql as $$
begin raise exception 'time entries are never deleted'; end $$;
create trigger keep_all_time_entries before truncate on ccm.time_entry
    for each statement execute function ccm.refuse_truncate();

grant usage on schema ccm to homevitals_alerts, homevitals_console;
grant select on ccm.enrolment to homevitals_alerts;
grant select, insert on ccm.task, ccm.task_event to homevitals_alerts;           -- through the injected sink

grant select on ccm.enrolment to homevitals_console;
grant select, update on ccm.task to homevitals_console;
grant select, insert on ccm.task_event to homevitals_console;
grant select on ccm.named_task, ccm.named_time_entry to homevitals_console;
grant select, insert, delete on ccm.timer to homevitals_console;
grant select, insert on ccm.discarded_timer to homevitals_console;
grant select, insert, update (voided_at, voided_by, void_reason) on ccm.time_entry to homevitals_console;
