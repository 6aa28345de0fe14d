-- Statements about the numbers under which patients are known elsewhere. Role: homevitals_console.

-- name: add
-- No row comes back where somebody of the practice has the same one.
insert into ccm.patient_identifier (practice_id, patient_id, kind, system, value, recorded_by, recorded_at)
values (%(practice_id)s, %(patient_id)s, %(kind)s, %(system)s, %(value)s, %(recorded_by)s, %(at)s)
on conflict do nothing
returning identifier_id;

-- name: end_identifier
-- Only an open one that began before.
update ccm.patient_identifier set ended_at = %(at)s, ended_by = %(ended_by)s, end_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and identifier_id = %(identifier_id)s
  and ended_at = 'infinity' and recorded_at < %(at)s
returning identifier_id;

-- name: of_patients
-- All that were ever recorded of some patients, what holds first; "infinity" becomes null, for Python has no such instant.
select identifier_id, patient_id, kind, system, value, recorded_by, recorded_at, nullif(ended_at, 'infinity') as ended_at,
       ended_by, end_reason
from ccm.patient_identifier
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s)
order by patient_identifier.ended_at desc, kind, recorded_at, identifier_id;
