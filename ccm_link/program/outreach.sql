-- Statements about attempts to reach patients. Role: homevitals_console.

-- name: add
-- An attempt as it was made.
insert into ccm.outreach
    (practice_id, enrolment_id, patient_id, tried_at, made_by, method, outcome, spoke_with, note, next_try_at, recorded_at)
values
    (%(practice_id)s, %(enrolment_id)s, %(patient_id)s, %(tried_at)s, %(made_by)s, %(method)s, %(outcome)s,
     %(spoke_with)s, %(note)s, %(next_try_at)s, %(recorded_at)s)
returning outreach_id;

-- name: of_patient
-- All attempts, the newest first.
select enrolment_id, tried_at, made_by, method, outcome, spoke_with, note, next_try_at
from ccm.outreach
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by tried_at desc, recorded_at desc, outreach_id;
