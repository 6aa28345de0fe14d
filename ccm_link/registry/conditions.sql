-- Statements about what patients have. Role: homevitals_console.

-- name: record
-- No row comes back where it is recorded and not ended.
insert into ccm.condition (practice_id, patient_id, code, source, recorded_by, recorded_at, onset_on)
values (%(practice_id)s, %(patient_id)s, %(code)s, %(source)s, %(recorded_by)s, %(at)s, %(onset_on)s)
on conflict do nothing
returning condition_id;

-- name: end_condition
-- Only an open one that began before.
update ccm.condition set ended_at = %(at)s, ended_by = %(ended_by)s, end_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and condition_id = %(condition_id)s
  and ended_at = 'infinity' and recorded_at < %(at)s
returning condition_id;

-- name: of_patient
-- All that was ever recorded, what holds first; "infinity" becomes null, for Python has no such instant.
select practice_id, condition_id, patient_id, code, source, recorded_by, recorded_at,
       nullif(ended_at, 'infinity') as ended_at, ended_by, end_reason, onset_on
from ccm.condition
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by ended_at desc, code, recorded_at, condition_id;

-- name: open_codes
-- What some patients have.
select patient_id, code from ccm.condition
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and ended_at = 'infinity';
