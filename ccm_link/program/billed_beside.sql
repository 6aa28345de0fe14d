-- Statements about what is billed beside our programs. Role: homevitals_console.

-- name: record
-- No row comes back where the same is recorded and has no end.
insert into ccm.billed_beside
    (practice_id, patient_id, what, by_whom, from_on, until_on, source, recorded_by, recorded_at)
values
    (%(practice_id)s, %(patient_id)s, %(what)s, %(by_whom)s, %(from_on)s, %(until_on)s, %(source)s, %(recorded_by)s, %(at)s)
on conflict do nothing
returning beside_id;

-- name: end_beside
-- Once.
update ccm.billed_beside set until_on = %(until_on)s, ended_by = %(ended_by)s, end_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and beside_id = %(beside_id)s and ended_by is null
returning beside_id;

-- name: of_patient
-- All that was ever recorded of one patient.
select beside_id, what, by_whom, from_on, until_on, source, recorded_by, recorded_at, ended_by, end_reason
from ccm.billed_beside
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by until_on is not null, from_on desc, recorded_at desc, beside_id;
