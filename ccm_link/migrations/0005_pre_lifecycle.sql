-- What happens to a task between its opening and its completion: it is assigned, snoozed, escalated, falls back, returns.

alter table ccm.task drop constraint task_severity_check;
alter table ccm.task add constraint task_severity_check
    check (severity in ('urgent', 'clinical', 'outreach', 'technical'));

-- What is most urgent comes first in every list; the words themselves have no such order. Not declared strict, so that the
-- planner puts the expression in its place: what it does not see through has to wait behind the walls, index or not.
create function ccm.severity_order(severity text) returns integer language sql immutable parallel safe as $$
    select case severity when 'urgent' then 1 when 'clinical' then 2 when 'outreach' then 3 else 4 end
$$;
drop index ccm.task_worklist;
create index task_worklist on ccm.task (practice_id, ccm.severity_order(severity), due_at, task_id) where status = 'open';
create index task_by_completion on ccm.task (practice_id, completed_at) where status = 'completed';

alter table ccm.task_event
    add column event_no bigint generated always as identity,   -- the order of what happened at one instant
    add column disposition text,                     -- what a completed task was completed with, also when it came back
    add column until_at timestamptz,                 -- until when it was snoozed
    add column owner_staff_id uuid,                  -- to whom it was assigned, from whom it fell back
    add constraint task_event_owner foreign key (practice_id, owner_staff_id)
        references ingest.staff (practice_id, staff_id),
    drop constraint task_event_event_check,
    add constraint task_event_event_check check (event in (
        'opened', 'claimed', 'released', 'assigned', 'snoozed', 'snooze_ended', 'escalated', 'fell_back', 'completed',
        'returned'));
alter table ccm.task_event no force row level security;
alter table ccm.task no force row level security;
update ccm.task_event set disposition = task.disposition from ccm.task
where task.practice_id = task_event.practice_id and task.task_id = task_event.task_id and task_event.event = 'completed';
alter table ccm.task_event force row level security;
alter table ccm.task force row level security;

-- A task in the words of a list: whose, why, and how its episode stands.
drop view ccm.named_task;
create view ccm.named_task with (security_invoker = true) as
    select task.*, patient.display_name as patient_name, patient.record_number, owner.display_name as owner_name,
           episode.breach_count, episode.breached_at, coalesce(breach.note, '') as breach_sentence,
           coalesce(breach.is_late, false) as is_late, coalesce(breach.is_of_reading, false) as is_of_reading,
           episode.acknowledged_at, episode.snoozed_at, episode.snoozed_until, episode.escalated_at, episode.returned_at,
           episode.return_count, episode.in_range_at
    from ccm.task
    join ingest.patient using (practice_id, patient_id)
    join alerts.episode using (practice_id, patient_id, episode_id)
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

-- The evaluator's transaction escalates and brings back; when an episode stays untouched for too long, the clock gives it back.
grant update (title, severity, status, owner_staff_id, due_at, completed_at, disposition, disposition_note, row_version)
    on ccm.task to homevitals_alerts;
grant usage on schema ccm to homevitals_scheduler;
grant select (practice_id, task_id, patient_id, episode_id, severity, status, owner_staff_id, due_at, row_version),
      update (owner_staff_id, row_version) on ccm.task to homevitals_scheduler;
grant select (practice_id, task_id, staff_id, at), insert on ccm.task_event to homevitals_scheduler;
grant select (practice_id, patient_id, task_id, staff_id, started_at) on ccm.timer to homevitals_scheduler;
grant select (practice_id, patient_id, task_id, staff_id, started_at, ended_at, entered_at) on ccm.time_entry
    to homevitals_scheduler;
