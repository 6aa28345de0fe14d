-- Statements about measurements that a patient is asked to repeat.

-- name: load_asked_patients
-- Which of these patients were asked to measure again.
select distinct patient_id from alerts.confirmation_request
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s);

-- name: delete_confirmation_requests
-- What is asked of a patient because of a reading is settled by each evaluation of it anew.
delete from alerts.confirmation_request
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
  and (reading_id = any (%(reading_ids)s) or until_at <= %(at)s);

-- name: insert_confirmation_request
-- The patient is asked to measure again.
insert into alerts.confirmation_request (practice_id, patient_id, reading_id, family, ask, asked_at, until_at)
values (%(practice_id)s, %(patient_id)s, %(reading_id)s, %(family)s, %(ask)s, %(asked_at)s, %(until_at)s)
on conflict do nothing;

-- name: load_confirmation_requests
-- What a patient is asked at an instant.
select reading_id, family, ask, asked_at, until_at
from alerts.confirmation_request
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and until_at > %(at)s
order by until_at;
