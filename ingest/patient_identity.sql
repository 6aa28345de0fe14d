-- Statements about who a patient is, and what that was before. Role: homevitals_console.

-- name: hold
-- Nobody corrects the patient until the transaction ends; how often it was done so far tells what was looked at.
select display_name, born_on, record_number, time_zone, family_name, given_names, administrative_gender, birth_sex, language,
       (select count(*) from ingest.patient_change change
        where change.practice_id = patient.practice_id and change.patient_id = patient.patient_id) as changes
from ingest.patient
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
for no key update;

-- name: correct
-- All of it, as it is from now on.
update ingest.patient set
    display_name = %(display_name)s, born_on = %(born_on)s, record_number = %(record_number)s, time_zone = %(time_zone)s,
    family_name = %(family_name)s, given_names = %(given_names)s, administrative_gender = %(administrative_gender)s,
    birth_sex = %(birth_sex)s, language = %(language)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
returning patient_id;

-- name: keep_change
-- What was, what is, who says so and why.
insert into ingest.patient_change (practice_id, patient_id, changed_at, changed_by, reason, before, after)
values (%(practice_id)s, %(patient_id)s, %(at)s, %(changed_by)s, %(reason)s, %(before)s, %(after)s)
returning change_id;

-- name: history
-- What was ever corrected of a patient, the newest first.
select change_id, changed_at, changed_by, reason, before, after
from ingest.patient_change
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by changed_at desc, change_id;
