-- Statements of care management but for tasks and programs. Role: homevitals_console.

-- name: lock_person
-- Lets one person's changes to timers and time entries happen one after the other, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('ccm.person/' || %(staff_id)s::text, 0));

-- name: insert_timer
-- One per person: the primary key refuses a second.
insert into ccm.timer (practice_id, staff_id, patient_id, task_id, activity, started_at, program, running_at, seen_at)
values (%(practice_id)s, %(staff_id)s, %(patient_id)s, %(task_id)s, %(activity)s, %(started_at)s, 'ccm', %(started_at)s,
        %(started_at)s);

-- name: load_timer
-- A person's running timer.
select timer.practice_id, timer.staff_id, timer.patient_id, timer.task_id, timer.activity, timer.started_at,
       patient.display_name as patient_name
from ccm.timer
join ingest.patient using (practice_id, patient_id)
where timer.practice_id = %(practice_id)s and timer.staff_id = %(staff_id)s;

-- name: load_timers_of_patient
-- All that run for a patient.
select timer.practice_id, timer.staff_id, timer.patient_id, timer.task_id, timer.activity, timer.started_at,
       patient.display_name as patient_name
from ccm.timer
join ingest.patient using (practice_id, patient_id)
where timer.practice_id = %(practice_id)s and timer.patient_id = %(patient_id)s
order by timer.staff_id;

-- name: delete_timer
-- Removes exactly the timer that was looked at.
delete from ccm.timer
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and started_at = %(started_at)s
returning started_at;

-- name: insert_discarded_timer
-- What was thrown away, and why.
insert into ccm.discarded_timer
    (practice_id, staff_id, patient_id, task_id, activity, started_at, discarded_at, reason)
values
    (%(practice_id)s, %(staff_id)s, %(patient_id)s, %(task_id)s, %(activity)s, %(started_at)s, %(discarded_at)s,
     %(reason)s);

-- name: insert_time_entry
-- The role is the person's role now: a later promotion must not change which minutes of today may count.
insert into ccm.time_entry
    (practice_id, staff_id, staff_role, patient_id, task_id, activity, started_at, ended_at, note, entered, reason,
     entered_at, replaces, program, zone)
select practice_id, staff_id, role, %(patient_id)s, %(task_id)s, %(activity)s, %(started_at)s, %(ended_at)s, %(note)s,
       %(entered)s, %(reason)s, %(entered_at)s, %(replaces)s, 'ccm', practice.time_zone
from ingest.staff
join ingest.practice using (practice_id)
where practice_id = %(practice_id)s and staff_id = %(staff_id)s
returning entry_id;

-- name: load_time_entry
-- One entry, voided or not.
select practice_id, entry_id, staff_id, staff_name, staff_role, patient_id, patient_name, task_id, activity, started_at,
       ended_at, note, entered, reason, entered_at, replaces, voided_at, voided_by, voided_by_name, void_reason
from ccm.named_time_entry
where practice_id = %(practice_id)s and entry_id = %(entry_id)s;

-- name: load_clash
-- The earliest entry of this person that the span overlaps, in the practice's wall clock time.
select entry.activity, entry.started_at at time zone practice.time_zone as started_wall,
       entry.ended_at at time zone practice.time_zone as ended_wall
from ccm.time_entry entry
join ingest.practice using (practice_id)
where entry.staff_id = %(staff_id)s and entry.voided_at is null
  and entry.started_at < %(ended_at)s and entry.ended_at > %(started_at)s
order by entry.started_at
limit 1;

-- name: void_time_entry
-- Only once; the trigger refuses every other change.
update ccm.time_entry set voided_at = %(at)s, voided_by = %(voided_by)s, void_reason = %(reason)s
where practice_id = %(practice_id)s and entry_id = %(entry_id)s and voided_at is null
returning entry_id;

-- name: load_entries_of_month
-- Every entry that touches the month, voided ones too, oldest first. No entry lasts longer than 8 hours, which bounds
-- the range that the index time_entry_by_practice has to read.
select practice_id, entry_id, staff_id, staff_name, staff_role, patient_id, patient_name, task_id, activity, started_at,
       ended_at, note, entered, reason, entered_at, replaces, voided_at, voided_by, voided_by_name, void_reason
from ccm.named_time_entry entry
cross join ccm.month_span(%(practice_id)s, %(month_on)s) span
where entry.practice_id = %(practice_id)s
  and entry.started_at > lower(span) - interval '8 hours' and entry.started_at < upper(span)
  and entry.ended_at > lower(span)
order by entry.started_at, entry.entry_id;

-- name: load_month_totals
-- Seconds of care per patient: the union of all counted intervals, so that no second of a patient counts twice when two
-- colleagues worked at once. What counts: entries that are not voided, of care managers and clinicians, clipped to the
-- practice's calendar month and to the span of the patient's consent, without the times in which the patient was not
-- active. One row for every patient who was enrolled and active on some instant of the month, or the one asked for.
with consented as (
    select patient_id, range_agg(tstzrange(from_at, until_at) * span) as spans
    from ccm.in_care
    cross join ccm.month_span(%(practice_id)s, %(month_on)s) span
    where practice_id = %(practice_id)s and program = 'ccm'
      and (%(patient_id)s::uuid is null or patient_id = %(patient_id)s)
      and tstzrange(from_at, until_at) && span
    group by patient_id
), cared_for as (
    select consented.patient_id, consented.spans - coalesce(inactive.spans, '{}') as spans
    from consented
    left join ingest.inactive_time inactive
        on inactive.practice_id = %(practice_id)s and inactive.patient_id = consented.patient_id
), worked as (
    select entry.patient_id, range_agg(tstzrange(entry.started_at, entry.ended_at)) as spans
    from ccm.time_entry entry
    cross join ccm.month_span(%(practice_id)s, %(month_on)s) span
    where entry.practice_id = %(practice_id)s
      and (%(patient_id)s::uuid is null or entry.patient_id = %(patient_id)s)
      and entry.voided_at is null and entry.staff_role in ('care_manager', 'clinician')
      and entry.started_at > lower(span) - interval '8 hours' and entry.started_at < upper(span)
    group by entry.patient_id
)
select patient_id, patient.display_name as patient_name, coalesce(
    (select floor(extract(epoch from sum(upper(counted) - lower(counted))))
     from unnest(worked.spans * cared_for.spans) counted), 0)::integer as seconds
from cared_for
join ingest.patient using (patient_id)
left join worked using (patient_id)
where patient.practice_id = %(practice_id)s and not isempty(cared_for.spans)
order by patient.display_name, patient_id;
