-- Statements about what entries of locked months should have been. Role: homevitals_console.

-- name: counted
-- An entry as it counts now.
select staff_id, started_at, ended_at, program, activity, method, counterpart, outcome, billing_role, is_voided, is_refused
from ccm.counted_entry
where practice_id = %(practice_id)s and entry_id = %(entry_id)s;

-- name: amend
-- What the entry should have been; of the same patient.
insert into ccm.time_amendment
    (practice_id, entry_id, patient_id, is_withdrawn, program, activity, method, counterpart, outcome, billing_role,
     started_at, ended_at, note, reason, amended_by, amended_at)
select practice_id, entry_id, patient_id, %(is_withdrawn)s, %(program)s, %(activity)s, %(method)s, %(counterpart)s,
       %(outcome)s, %(billing_role)s, %(started_at)s, %(ended_at)s, %(note)s, %(reason)s, %(amended_by)s, %(at)s
from ccm.time_entry
where practice_id = %(practice_id)s and entry_id = %(entry_id)s
returning amendment_id;

-- name: amendments
-- Of one entry, or all that wait for another person (of no entry: null), oldest first.
select amendment.practice_id, amendment.amendment_id, amendment.entry_id, amendment.patient_id,
       patient.display_name as patient_name, entry.staff_id, worker.display_name as staff_name, amendment.is_withdrawn,
       amendment.program, amendment.activity, amendment.method, amendment.counterpart, amendment.outcome,
       amendment.billing_role, amendment.started_at, amendment.ended_at, amendment.note, amendment.reason,
       amendment.amended_by, author.display_name as amended_by_name, amendment.amended_at, approval.is_approved,
       approval.note as approval_note, approver.display_name as approved_by_name, approval.decided_at
from ccm.time_amendment amendment
join ccm.time_entry entry on entry.practice_id = amendment.practice_id and entry.entry_id = amendment.entry_id
join ingest.patient on patient.practice_id = amendment.practice_id and patient.patient_id = amendment.patient_id
join ingest.staff worker on worker.practice_id = entry.practice_id and worker.staff_id = entry.staff_id
join ingest.staff author on author.practice_id = amendment.practice_id and author.staff_id = amendment.amended_by
left join ccm.time_approval approval
    on approval.practice_id = amendment.practice_id and approval.amendment_id = amendment.amendment_id
left join ingest.staff approver on approver.practice_id = approval.practice_id and approver.staff_id = approval.decided_by
where amendment.practice_id = %(practice_id)s
  and (amendment.entry_id = %(entry_id)s or %(entry_id)s::uuid is null and approval.approval_id is null)
order by amendment.amended_at, amendment.amendment_id;

-- name: whose
-- Whose work an amendment is about.
select entry.staff_id
from ccm.time_amendment amendment
join ccm.time_entry entry on entry.practice_id = amendment.practice_id and entry.entry_id = amendment.entry_id
where amendment.practice_id = %(practice_id)s and amendment.amendment_id = %(amendment_id)s;

-- name: does_overlap
-- Whether an amendment's span overlaps what else counts of the same person's work.
select not amendment.is_withdrawn and exists (
    select from ccm.counted_entry other
    where other.practice_id = amendment.practice_id and other.staff_id = entry.staff_id
      and other.entry_id <> amendment.entry_id and not other.is_voided and not other.is_refused
      and other.entered <> 'external'
      and other.started_at < amendment.ended_at and other.ended_at > amendment.started_at) as does_overlap
from ccm.time_amendment amendment
join ccm.time_entry entry on entry.practice_id = amendment.practice_id and entry.entry_id = amendment.entry_id
where amendment.practice_id = %(practice_id)s and amendment.amendment_id = %(amendment_id)s;
