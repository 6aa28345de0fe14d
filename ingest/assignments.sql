-- Statements of assignments: who measures with which peripheral, as people say it. Readings follow (attribution.sql).

-- name: assign
-- The exclusion constraint forbids two patients at once.
insert into ingest.assignment (
    practice_id, peripheral_id, user_slot, patient_id, valid_from, valid_until, assigned_by, assigned_at, replaces)
values (
    %(practice_id)s, %(peripheral_id)s, %(user_slot)s, %(patient_id)s, %(valid_from)s,
    coalesce(%(valid_until)s::timestamptz, 'infinity'), %(assigned_by)s, %(at)s, %(replaces)s)
returning assignment_id;

-- name: end_assignment
-- Only one that is open, and not before its own beginning; whatever else was wrong is corrected.
update ingest.assignment set valid_until = %(valid_until)s, ended_at = %(at)s, ended_by = %(ended_by)s
where practice_id = %(practice_id)s and assignment_id = %(assignment_id)s
  and voided_at is null and valid_until = 'infinity' and valid_from < %(valid_until)s
returning assignment_id;

-- name: void_assignment
-- Once; of two who correct it at the same moment the second finds it done.
update ingest.assignment set voided_at = %(at)s, voided_by = %(voided_by)s, void_reason = %(reason)s
where practice_id = %(practice_id)s and assignment_id = %(assignment_id)s and voided_at is null
returning assignment_id;

-- name: queue_attribution
-- Work for ingest, committed with the change: once now, and once more for what is under way meanwhile.
insert into ingest.attribution_work (
    practice_id, peripheral_id, user_slot, from_at, until_at, made_by, queued_at, due_at)
select %(practice_id)s, %(peripheral_id)s, %(user_slot)s, %(from_at)s,
       coalesce(%(until_at)s::timestamptz, 'infinity'), %(made_by)s, %(at)s, due_at
from unnest(%(due_ats)s::timestamptz[]) as due_at;

-- name: assignments_of_peripheral
-- With history and the number of readings each accounts for; those in force first, the newest first.
select a.assignment_id, a.peripheral_id, a.user_slot, a.patient_id, patient.display_name, patient.record_number,
       a.valid_from, nullif(a.valid_until, 'infinity') as valid_until, a.assigned_by, a.assigned_at, a.ended_at, a.ended_by,
       a.voided_at, a.voided_by, a.void_reason, a.replaces,
       case when a.voided_at is null then (
           select count(*) from ingest.reading r
           where r.practice_id = a.practice_id and r.patient_id = a.patient_id and r.peripheral_id = a.peripheral_id
             and r.user_slot is not distinct from a.user_slot
             and r.measured_at >= a.valid_from and r.measured_at < a.valid_until)
       else 0 end as reading_count
from ingest.assignment a
join ingest.patient using (practice_id, patient_id)
where a.practice_id = %(practice_id)s and a.peripheral_id = %(peripheral_id)s
order by a.voided_at is not null, a.valid_from desc, a.assignment_id;

-- name: current_assignments
-- Who measures with which peripheral at an instant.
select a.peripheral_id, a.user_slot, a.patient_id, patient.display_name, patient.record_number
from ingest.assignment a
join ingest.patient using (practice_id, patient_id)
where a.practice_id = %(practice_id)s and a.voided_at is null and a.valid_from <= %(at)s and %(at)s < a.valid_until
order by a.peripheral_id, a.user_slot;

-- name: hidden_assignments
-- Which peripherals somebody has whom the member of staff in force does not see.
select peripheral_id, user_slot, is_open
from ingest.peripherals_of(%(practice_id)s, ingest.hidden_patients());

-- name: peripherals
-- All peripherals of a practice, those heard for the first time last on top.
select peripheral_id, bluetooth_address, profile_id, first_seen_at
from ingest.peripheral
where practice_id = %(practice_id)s
order by first_seen_at desc, bluetooth_address;

-- name: peripheral
-- One of them.
select peripheral_id, bluetooth_address, profile_id, first_seen_at
from ingest.peripheral
where practice_id = %(practice_id)s and peripheral_id = %(peripheral_id)s;

-- name: is_attribution_due
-- Whether readings of a peripheral still have to follow its assignments.
select exists (
    select from ingest.attribution_work
    where practice_id = %(practice_id)s and peripheral_id = %(peripheral_id)s and due_at <= %(at)s) as is_due;
