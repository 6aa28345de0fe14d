-- Tasks that no alert made: by hand, by a schedule, after another task, from other subjects of care management. One of an
-- alert has its episode, which keeps who took it on and until when it waits; of all others the task keeps that itself.
alter table ccm.task
    alter column episode_id drop not null,
    alter column due_at drop not null,                    -- null: whenever there is time
    add column origin text not null default 'alert' check (origin in
        ('alert', 'by_hand', 'schedule', 'follow_up', 'transition')),
    add column subject text check (subject <> ''),        -- what it is about; of one origin, one task, whatever is retried
    add column why text not null default '',
    add column made_by uuid,                              -- null: the rules, the clock, or a program
    add column candidate_role text check (candidate_role in ('care_manager', 'clinician')),     -- null: either
    add column follows_task_id uuid,
    add column schedule_id uuid,
    add column occurs_on date,                            -- the day of the schedule, by the practice's clocks
    add column acknowledged_at timestamptz,
    add column snoozed_at timestamptz,
    add column snoozed_until timestamptz,
    add column overdue_at timestamptz,                    -- when the clock found it overdue
    add constraint task_alert_has_episode check ((origin = 'alert') = (episode_id is not null)),
    add constraint task_alert_has_due check (episode_id is null or due_at is not null),
    add constraint task_alert_is_kept_with_episode check (
        episode_id is null or (subject is null and acknowledged_at is null and snoozed_at is null
                               and snoozed_until is null and schedule_id is null and follows_task_id is null)),
    add constraint task_urgent_is_alert check (severity <> 'urgent' or episode_id is not null),
    add constraint task_schedule_has_day check ((schedule_id is null) = (occurs_on is null)),
    drop constraint task_disposition_check,
    add constraint task_disposition_check check (disposition is null or case
        when disposition = 'no_longer_in_care' then true
        when episode_id is null then disposition in ('done', 'not_needed', 'not_reached', 'declined', 'handed_over')
        else disposition in ('reached_advised', 'reached_escalated', 'not_reached', 'technique_error', 'device_fault',
                             'expected_threshold_reviewed', 'emergency_services_advised') end),
    add foreign key (practice_id, made_by) references ingest.staff (practice_id, staff_id),
    add foreign key (practice_id, follows_task_id, patient_id) references ccm.task (practice_id, task_id, patient_id);
create unique index one_task_per_subject on ccm.task (practice_id, origin, subject) where subject is not null;
create index task_by_former on ccm.task (practice_id, follows_task_id) where follows_task_id is not null;

alter table ccm.task_event
    drop constraint task_event_event_check,
    add constraint task_event_event_check check (event in (
        'opened', 'claimed', 'released', 'assigned', 'snoozed', 'snooze_ended', 'escalated', 'fell_back', 'completed',
        'returned', 'overdue', 'followed_up'));

-- The order of the worklist: urgent, overdue, due, undated; in each by severity, then what is due first. Not declared
-- strict, as ccm.severity_order.
create function ccm.worklist_rank(severity text, overdue_at timestamptz, due_at timestamptz) returns integer
language sql immutable parallel safe as $$
    select case when severity = 'urgent' then 1 when overdue_at is not null then 2 when due_at is not null then 3 else 4 end
$$;
create index task_in_order on ccm.task
    (practice_id, ccm.worklist_rank(severity, overdue_at, due_at), ccm.severity_order(severity), due_at, task_id)
    where status = 'open';
create index task_by_owner on ccm.task (practice_id, owner_staff_id) where status = 'open' and owner_staff_id is not null;
create index task_snoozed on ccm.task (practice_id, snoozed_until) where status = 'open' and snoozed_until is not null;
create index task_not_overdue on ccm.task (practice_id, due_at) where status = 'open' and overdue_at is null;

-- How many open tasks there are, but for those of some patients: numbers and nothing else, from an index alone. Behind the
-- wall around restricted patients each row would be compared with each of them; the function forgets for its own duration
-- which member of staff asks, as ccm.count_open_tasks does, and is told whom to leave out instead.
create index task_by_severity on ccm.task (practice_id, severity, patient_id) where status = 'open';
create function ccm.count_open_by_severity(of_practice uuid, left_out uuid[]) returns table (severity text, tasks bigint)
language plpgsql as $$
declare
    asking constant text := coalesce(current_setting('homevitals.staff', true), '');
begin
    perform set_config('homevitals.staff', '', true);
    return query
        select counted.severity, sum(counted.tasks)::bigint
        from (
            select task.severity, count(*) as tasks from ccm.task
            where task.practice_id = of_practice and task.status = 'open'
            group by task.severity
            union all
            select task.severity, -count(*) from ccm.task
            where task.practice_id = of_practice and task.status = 'open' and task.patient_id = any (left_out)
            group by task.severity
        ) counted
        group by counted.severity;
    perform set_config('homevitals.staff', asking, true);
end $$;

-- Work that comes again: for one patient, or for everybody in a program. A row is never changed, only ended, once.
create table ccm.task_schedule (
    practice_id     uuid not null,
    schedule_id     uuid not null default gen_random_uuid(),
    patient_id      uuid,                                 -- null: everybody in the program
    program         text check (program <> ''),           -- null: whatever the patient is enrolled in
    title           text not null check (title <> ''),
    why             text not null,
    severity        text not null check (severity in ('clinical', 'outreach', 'technical')),
    candidate_role  text check (candidate_role in ('care_manager', 'clinician')),
    owner_staff_id  uuid,
    to_care_manager boolean not null,                     -- of the patient, where one is named
    every           integer not null check (every between 1 and 60),
    unit            text not null check (unit in ('day', 'week', 'month')),
    first_on        date not null,                        -- days by the practice's clocks
    until_on        date check (until_on >= first_on),    -- the last day that counts; null: no end
    due_after_days  integer not null check (due_after_days between 0 and 365),
    due_time        time not null,
    made_by         uuid not null,
    made_at         timestamptz not null,
    ended_at        timestamptz not null default 'infinity',
    ended_by        uuid,                                 -- null: it goes on, or it ended with the patient's standing
    end_reason      text check (end_reason <> ''),
    primary key (practice_id, schedule_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, owner_staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, made_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, ended_by) references ingest.staff (practice_id, staff_id),
    check (patient_id is not null or program is not null),
    check (not (to_care_manager and owner_staff_id is not null)),
    check (made_at < ended_at),
    check ((ended_at = 'infinity') = (end_reason is null) and (ended_by is null or end_reason is not null)),
    check (ended_at = 'infinity' or ended_by is not null or patient_id is not null)
);
create index task_schedule_by_patient on ccm.task_schedule (practice_id, patient_id, made_at);
call ingest.wall('ccm.task_schedule');

alter table ccm.task add foreign key (practice_id, schedule_id) references ccm.task_schedule;
create index task_by_schedule on ccm.task (practice_id, schedule_id, patient_id, occurs_on) where schedule_id is not null;
create unique index one_open_task_per_schedule on ccm.task (practice_id, schedule_id, patient_id)
    where schedule_id is not null and status = 'open';

-- Who stands in for whom. A row is never changed, only called off, once.
create table ccm.staff_cover (
    practice_id   uuid not null,
    cover_id      uuid not null default gen_random_uuid(),
    staff_id      uuid not null,                          -- who is away
    covered_by    uuid not null,
    starts_at     timestamptz not null,
    ends_at       timestamptz not null,
    made_by       uuid not null,
    made_at       timestamptz not null,
    called_off_at timestamptz,
    called_off_by uuid,
    primary key (practice_id, cover_id),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, covered_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, made_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, called_off_by) references ingest.staff (practice_id, staff_id),
    check (staff_id <> covered_by),
    check (starts_at < ends_at),
    check ((called_off_at is null) = (called_off_by is null)),
    constraint one_cover_at_a_time exclude using gist (
        ccm.staff_span(row(staff_id, starts_at)::ccm.staff_instant,
                       row(staff_id, ends_at)::ccm.staff_instant) with &&)
        where (called_off_at is null)
);
create index staff_cover_by_colleague on ccm.staff_cover (practice_id, covered_by, ends_at) where called_off_at is null;
call ingest.wall('ccm.staff_cover');

-- A task in the words of a list: whose, why, and how it or its episode stands.
drop view ccm.named_task;
create view ccm.named_task with (security_invoker = true) as
    select task.practice_id, task.task_id, task.patient_id, task.episode_id, task.origin, task.title, task.severity,
           task.status, task.owner_staff_id, task.opened_at, task.due_at, task.completed_at, task.disposition,
           task.disposition_note, task.row_version, task.candidate_role, task.follows_task_id, task.schedule_id,
           task.overdue_at, patient.display_name as patient_name, patient.record_number,
           owner.display_name as owner_name, coalesce(episode.breach_count, 0) as breach_count, episode.breached_at,
           coalesce(breach.note, task.why) as breach_sentence, coalesce(breach.is_late, false) as is_late,
           coalesce(breach.is_of_reading, false) as is_of_reading,
           coalesce(episode.acknowledged_at, task.acknowledged_at) as acknowledged_at,
           coalesce(episode.snoozed_at, task.snoozed_at) as snoozed_at,
           coalesce(episode.snoozed_until, task.snoozed_until) as snoozed_until,
           episode.escalated_at, episode.returned_at, coalesce(episode.return_count, 0) as return_count,
           episode.in_range_at
    from ccm.task
    join ingest.patient using (practice_id, patient_id)
    left join alerts.episode on episode.practice_id = task.practice_id and episode.patient_id = task.patient_id
                             and episode.episode_id = task.episode_id
    left join lateral (
        select event.note, event.event = 'breached_late' as is_late, event.reading_id is not null as is_of_reading
        from alerts.episode_event event
        where event.practice_id = task.practice_id and event.episode_id = task.episode_id
          and event.event in ('opened', 'breached_again', 'breached_late', 'escalated', 'returned', 'corrected',
                              'reading_withdrawn')
        order by exists (
                select from alerts.episode_event withdrawn
                where withdrawn.practice_id = event.practice_id and withdrawn.episode_id = event.episode_id
                  and withdrawn.reading_id = event.reading_id and withdrawn.event = 'reading_withdrawn'),
            coalesce(event.measured_at, event.at) desc, event.at desc, event.event desc
        limit 1
    ) breach on true
    left join ingest.staff owner
        on owner.practice_id = task.practice_id and owner.staff_id = task.owner_staff_id;
grant select on ccm.named_task to homevitals_console;

grant insert on ccm.task to homevitals_console;
grant select, insert, update (ended_at, ended_by, end_reason) on ccm.task_schedule to homevitals_console;
grant select, insert, update (called_off_at, called_off_by) on ccm.staff_cover to homevitals_console;
-- An episode that comes back is as new: it is not overdue any more.
grant update (overdue_at) on ccm.task to homevitals_alerts;
-- The scheduler opens what is due by a schedule and marks what is overdue.
grant select on ccm.task_schedule to homevitals_scheduler;
grant insert on ccm.task to homevitals_scheduler;
grant select (origin, subject, schedule_id, occurs_on, snoozed_until, overdue_at),
      update (acknowledged_at, overdue_at) on ccm.task to homevitals_scheduler;
-- For whom: whom the patient's team names, or the schedule, where that one's account is open.
grant select (practice_id, patient_id, role, staff_id, from_at, until_at) on ccm.team_member to homevitals_scheduler;
grant select (practice_id, staff_id, role, disabled_at) on ingest.staff to homevitals_scheduler;
