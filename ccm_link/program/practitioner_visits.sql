-- Statements about visits to practitioners. Role: homevitals_console.

-- name: is_practitioner
-- Whether somebody is, or was, one who can bill.
select exists (
    select from ingest.staff
    where practice_id = %(practice_id)s and staff_id = %(practitioner_id)s and role = 'clinician'
) as is_practitioner;

-- name: record
-- No row comes back where the same is recorded and not withdrawn.
insert into ccm.practitioner_visit
    (practice_id, patient_id, practitioner_id, visited_on, kind, was_discussed, recorded_by, recorded_at)
values
    (%(practice_id)s, %(patient_id)s, %(practitioner_id)s, %(visited_on)s, %(kind)s, %(was_discussed)s, %(recorded_by)s,
     %(at)s)
on conflict do nothing
returning visit_id;

-- name: withdraw
-- Once.
update ccm.practitioner_visit
set withdrawn_at = %(at)s, withdrawn_by = %(withdrawn_by)s, withdraw_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and visit_id = %(visit_id)s and withdrawn_at is null
returning visit_id;

-- name: of_patient
-- All that were recorded of one patient.
select visit_id, practitioner_id, staff.display_name as practitioner_name, visited_on, kind, was_discussed, recorded_by,
       recorded_at, withdrawn_at, withdrawn_by, withdraw_reason
from ccm.practitioner_visit visit
join ingest.staff on staff.practice_id = visit.practice_id and staff.staff_id = visit.practitioner_id
where visit.practice_id = %(practice_id)s and visit.patient_id = %(patient_id)s
order by withdrawn_at is not null, visited_on desc, recorded_at desc, visit_id;
