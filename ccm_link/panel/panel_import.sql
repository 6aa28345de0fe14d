-- Statements about a panel that is imported. Role: homevitals_console.

-- name: known
-- The patients of the practice that have these record numbers, each held until the transaction ends.
select practice_id, patient_id, display_name, born_on, record_number, time_zone, standing, standing_since, family_name,
       given_names, administrative_gender, birth_sex, language
from ingest.patient
where practice_id = %(practice_id)s and record_number = any (%(record_numbers)s)
order by patient_id
for no key update;
