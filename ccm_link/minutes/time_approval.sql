-- Statements about what another person has to approve before it counts. Role: homevitals_console.

-- name: policy
-- What holds in the practice; no row: nothing was ever set.
select by_hand_needs_approval from ccm.time_policy
where practice_id = %(practice_id)s
order by set_at desc
limit 1;

-- name: set_policy
-- The row set last holds.
insert into ccm.time_policy (practice_id, set_at, by_hand_needs_approval, set_by)
values (%(practice_id)s, %(at)s, %(by_hand_needs_approval)s, %(set_by)s);

-- name: waiting
-- Entries that nobody has approved or refused, oldest first.
select entry.entry_id from ccm.time_entry entry
where entry.practice_id = %(practice_id)s and entry.needs_approval and entry.voided_at is null
  and not exists (select from ccm.time_approval approval
                  where approval.practice_id = entry.practice_id and approval.entry_id = entry.entry_id)
order by entry.started_at, entry.entry_id
limit %(limit)s;

-- name: decide_entry
-- Once; nobody their own (the table's check).
insert into ccm.time_approval (practice_id, patient_id, entry_id, of_staff_id, is_approved, note, decided_by, decided_at)
select practice_id, patient_id, entry_id, staff_id, %(is_approved)s, %(note)s, %(decided_by)s, %(at)s
from ccm.time_entry
where practice_id = %(practice_id)s and entry_id = %(subject_id)s and needs_approval and voided_at is null
on conflict (practice_id, entry_id) do nothing
returning approval_id;

-- name: decide_amendment
-- Likewise.
insert into ccm.time_approval (practice_id, patient_id, amendment_id, of_staff_id, is_approved, note, decided_by, decided_at)
select practice_id, patient_id, amendment_id, amended_by, %(is_approved)s, %(note)s, %(decided_by)s, %(at)s
from ccm.time_amendment
where practice_id = %(practice_id)s and amendment_id = %(subject_id)s
on conflict (practice_id, amendment_id) do nothing
returning approval_id;

-- name: is_decided
-- Whether somebody has approved or refused an entry or an amendment.
select exists (
    select from ccm.time_approval
    where practice_id = %(practice_id)s and (entry_id = %(subject_id)s or amendment_id = %(subject_id)s)
) as is_decided;
