-- Statements of timers and time entries. Role: homevitals_console.

-- name: insert_timer
-- One per person: the primary key refuses a second.
insert into ccm.timer (practice_id, staff_id, patient_id, task_id, program, activity, started_at, running_at, seen_at)
values (%(practice_id)s, %(staff_id)s, %(patient_id)s, %(task_id)s, %(program)s, %(activity)s, %(started_at)s,
        %(started_at)s, %(started_at)s);

-- name: timers
-- Those that run or wait: one person's, or all for a patient.
select timer.practice_id, timer.staff_id, timer.timer_id, timer.patient_id, patient.display_name as patient_name,
       timer.task_id, timer.program, timer.activity, timer.started_at, timer.running_at, timer.seen_at, timer.paused_at,
       timer.is_idle,
       (select coalesce(sum(extract(epoch from segment.ended_at - segment.started_at)), 0)::integer
        from ccm.timer_segment segment
        where segment.practice_id = timer.practice_id and segment.staff_id = timer.staff_id) as closed_s,
       (select coalesce(sum(extract(epoch from dropped.until_at - dropped.from_at)), 0)::integer
        from ccm.dropped_time dropped
        where dropped.practice_id = timer.practice_id and dropped.timer_id = timer.timer_id) as dropped_s
from ccm.timer
join ingest.patient using (practice_id, patient_id)
where timer.practice_id = %(practice_id)s
  and (timer.staff_id = %(staff_id)s or timer.patient_id = %(patient_id)s)
order by timer.staff_id;

-- name: segments
-- The closed spans of a person's timer, oldest first.
select started_at, ended_at from ccm.timer_segment
where practice_id = %(practice_id)s and staff_id = %(staff_id)s
order by started_at;

-- name: close_segment
-- The span that ran becomes one of the timer's spans.
insert into ccm.timer_segment (practice_id, staff_id, patient_id, started_at, ended_at)
select practice_id, staff_id, patient_id, running_at, %(ended_at)s
from ccm.timer
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and running_at < %(ended_at)s;

-- name: pause_timer
-- Only one that runs.
update ccm.timer set paused_at = %(at)s, is_idle = %(is_idle)s, seen_at = greatest(seen_at, %(at)s)
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and paused_at is null
returning timer_id;

-- name: resume_timer
-- Only one that waits.
update ccm.timer set paused_at = null, is_idle = false, running_at = %(at)s, seen_at = %(at)s
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and paused_at is not null
returning timer_id;

-- name: is_sign_due
-- Whether a timer of this person runs whose last sign is not quite fresh: signs come with every click.
select exists (
    select from ccm.timer
    where practice_id = %(practice_id)s and staff_id = %(staff_id)s and paused_at is null and seen_at < %(at)s - %(grain)s
) as is_due;

-- name: note_sign
-- A sign of work.
update ccm.timer set seen_at = %(at)s
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and paused_at is null and seen_at < %(at)s;

-- name: insert_dropped
-- Seconds in which nothing was seen.
insert into ccm.dropped_time (practice_id, timer_id, staff_id, patient_id, from_at, until_at, idle_limit_s)
select practice_id, timer_id, staff_id, patient_id, %(from_at)s, %(until_at)s, %(idle_limit_s)s
from ccm.timer
where practice_id = %(practice_id)s and staff_id = %(staff_id)s;

-- name: dropped
-- What was dropped of a person's timers since an instant, the newest first, each with the entry that claims it back.
select dropped.practice_id, dropped.dropped_id, dropped.timer_id, dropped.staff_id, dropped.patient_id,
       patient.display_name as patient_name, dropped.from_at, dropped.until_at, dropped.idle_limit_s,
       claim.entry_id as claimed_by
from ccm.dropped_time dropped
join ingest.patient using (practice_id, patient_id)
left join ccm.time_entry claim
    on claim.practice_id = dropped.practice_id and claim.claims_dropped_id = dropped.dropped_id and claim.voided_at is null
where dropped.practice_id = %(practice_id)s and dropped.staff_id = %(staff_id)s and dropped.until_at > %(since)s
order by dropped.from_at desc;

-- name: delete_timer
-- Removes exactly the timer that was looked at, and its spans with it.
delete from ccm.timer
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and timer_id = %(timer_id)s
returning started_at;

-- name: insert_discarded
-- What was thrown away, how much work it held, and why.
insert into ccm.discarded_timer
    (practice_id, staff_id, patient_id, task_id, activity, started_at, discarded_at, reason, timer_id, program, worked_s)
values
    (%(practice_id)s, %(staff_id)s, %(patient_id)s, %(task_id)s, %(activity)s, %(started_at)s, %(discarded_at)s,
     %(reason)s, %(timer_id)s, %(program)s, %(worked_s)s);

-- name: insert_entry
-- Who the person is goes into the entry: a later promotion must not change which minutes of today may count. What was
-- entered by hand or reported by another system waits for approval where the practice wants it.
insert into ccm.time_entry
    (practice_id, staff_id, staff_role, patient_id, task_id, program, activity, method, counterpart, outcome, started_at,
     ended_at, zone, note, entered, reason, entered_at, replaces, timer_id, claims_dropped_id, is_late, needs_approval,
     credential, billing_role, employer, supervisor_staff_id)
select staff.practice_id, staff.staff_id, staff.role, %(patient_id)s, %(task_id)s, %(program)s, %(activity)s, %(method)s,
       %(counterpart)s, %(outcome)s, %(started_at)s, %(ended_at)s, practice.time_zone, %(note)s, %(entered)s, %(reason)s,
       %(entered_at)s, %(replaces)s, %(timer_id)s, %(claims_dropped_id)s, %(is_late)s,
       %(is_late)s or %(entered)s in ('by_hand', 'external') and coalesce(
           (select policy.by_hand_needs_approval from ccm.time_policy policy
            where policy.practice_id = staff.practice_id order by policy.set_at desc limit 1), false),
       coalesce(credential.credential, 'unknown'), coalesce(credential.billing_role, 'unknown'),
       coalesce(credential.employer, 'unknown'), credential.supervisor_staff_id
from ingest.staff
join ingest.practice using (practice_id)
left join ccm.staff_credential credential
    on credential.practice_id = staff.practice_id and credential.staff_id = staff.staff_id
    and credential.from_at <= %(started_at)s and %(started_at)s < credential.until_at
where staff.practice_id = %(practice_id)s and staff.staff_id = %(staff_id)s
returning entry_id;

-- name: entry
-- One entry, voided or not.
select practice_id, entry_id, staff_id, staff_name, staff_role, credential, billing_role, employer, supervisor_name,
       patient_id, patient_name, task_id, program, activity, method, counterpart, outcome, started_at, ended_at, zone, note,
       entered, reason, entered_at, timer_id, claims_dropped_id, replaces, needs_approval, is_late, is_approved,
       approval_note, approved_by_name, voided_at, voided_by, voided_by_name, void_reason, dropped_s, amendment_count
from ccm.named_time_entry
where practice_id = %(practice_id)s and entry_id = %(entry_id)s;

-- name: entries_of_month
-- Every entry that touches the month, voided ones too, oldest first. No entry lasts longer than 8 hours, which bounds
-- the range that the index time_entry_by_practice has to read.
select practice_id, entry_id, staff_id, staff_name, staff_role, credential, billing_role, employer, supervisor_name,
       patient_id, patient_name, task_id, program, activity, method, counterpart, outcome, started_at, ended_at, zone, note,
       entered, reason, entered_at, timer_id, claims_dropped_id, replaces, needs_approval, is_late, is_approved,
       approval_note, approved_by_name, voided_at, voided_by, voided_by_name, void_reason, dropped_s, amendment_count
from ccm.named_time_entry entry
cross join ccm.month_span(%(practice_id)s, %(month_on)s) span
where entry.practice_id = %(practice_id)s
  and entry.started_at > lower(span) - interval '8 hours' and entry.started_at < upper(span)
  and entry.ended_at > lower(span)
order by entry.started_at, entry.entry_id;

-- name: outside_care
-- Entries that touch the month and began when their patient was not in their program with a documented consent.
select entry.entry_id
from ccm.time_entry entry
cross join ccm.month_span(%(practice_id)s, %(month_on)s) span
where entry.practice_id = %(practice_id)s and entry.program is not null
  and entry.started_at > lower(span) - interval '8 hours' and entry.started_at < upper(span)
  and entry.ended_at > lower(span)
  and not exists (
      select from ccm.in_care
      where in_care.practice_id = entry.practice_id and in_care.patient_id = entry.patient_id
        and in_care.program = entry.program
        and in_care.from_at <= entry.started_at and entry.started_at < in_care.until_at);

-- name: entries_of_task
-- What one person worked on a task, oldest first.
select practice_id, entry_id, staff_id, staff_name, staff_role, credential, billing_role, employer, supervisor_name,
       patient_id, patient_name, task_id, program, activity, method, counterpart, outcome, started_at, ended_at, zone, note,
       entered, reason, entered_at, timer_id, claims_dropped_id, replaces, needs_approval, is_late, is_approved,
       approval_note, approved_by_name, voided_at, voided_by, voided_by_name, void_reason, dropped_s, amendment_count
from ccm.named_time_entry
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and task_id = %(task_id)s
  and staff_id = %(staff_id)s and voided_at is null
order by started_at, entry_id;

-- name: clash
-- The earliest entry of this person that the span overlaps, in the practice's wall clock time.
select entry.activity, entry.started_at at time zone practice.time_zone as started_wall,
       entry.ended_at at time zone practice.time_zone as ended_wall
from ccm.time_entry entry
join ingest.practice using (practice_id)
where entry.practice_id = %(practice_id)s and entry.staff_id = %(staff_id)s and entry.voided_at is null
  and entry.entered <> 'external'
  and entry.started_at < %(ended_at)s and entry.started_at > %(started_at)s - interval '8 hours'
  and entry.ended_at > %(started_at)s
order by entry.started_at
limit 1;

-- name: void_entry
-- Only once; the triggers refuse every other change, and one in a locked month.
update ccm.time_entry set voided_at = %(at)s, voided_by = %(voided_by)s, void_reason = %(reason)s
where practice_id = %(practice_id)s and entry_id = %(entry_id)s and voided_at is null
returning entry_id;
