-- Statements about patients' standing. Role: homevitals_console; not_active also homevitals_alerts.

-- name: hold
-- How a patient stands; nobody changes it until the transaction ends. Rows that point at the patient may still come.
select standing, standing_since from ingest.patient
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
for no key update;

-- name: record
-- The trigger follow_standing has the patient's row say so.
insert into ingest.patient_standing
    (practice_id, patient_id, standing, since_at, died_on, died_at, transferred_to, reason, recorded_by, recorded_at)
values
    (%(practice_id)s, %(patient_id)s, %(standing)s, %(since_at)s, %(died_on)s, %(died_at)s, %(transferred_to)s, %(reason)s,
     %(recorded_by)s, %(at)s)
returning standing_id;

-- name: withdraw
-- Only the one that holds, once; the one before it then holds again.
update ingest.patient_standing set withdrawn_at = %(at)s, withdrawn_by = %(withdrawn_by)s, withdrawn_why = %(why)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and standing_id = %(standing_id)s
  and withdrawn_at is null
  and since_at = (select max(held.since_at) from ingest.patient_standing held
                  where held.practice_id = %(practice_id)s and held.patient_id = %(patient_id)s
                    and held.withdrawn_at is null)
returning standing_id;

-- name: history
-- All that was ever recorded of a patient, what holds first, what was withdrawn too.
select standing_id, standing, since_at, died_on, died_at, transferred_to, reason, recorded_by, recorded_at, withdrawn_at,
       withdrawn_by, withdrawn_why
from ingest.patient_standing
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by withdrawn_at is not null, since_at desc, recorded_at desc;

-- name: not_active
-- Which of some patients are not active.
select patient_id from ingest.patient
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and standing <> 'active';

-- name: measured_since
-- How many readings of a patient were measured after an instant, and when the last one was.
select count(*) as readings, max(measured_at) as last_at from ingest.reading
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and measured_at > %(since)s
  and measured_at <= %(at)s + interval '1 day';

-- name: not_active_of_practice
-- All who are not, the latest first, with the last that was measured since then: nobody looks for it otherwise.
select patient.patient_id, patient.display_name, patient.record_number, patient.time_zone, patient.standing,
       patient.standing_since, measured.readings, measured.last_at
from ingest.patient
left join lateral (
    select count(*) as readings, max(reading.measured_at) as last_at from ingest.reading
    where reading.practice_id = patient.practice_id and reading.patient_id = patient.patient_id
      and reading.measured_at > patient.standing_since and reading.measured_at <= %(at)s + interval '1 day'
) measured on true
where patient.practice_id = %(practice_id)s and patient.standing <> 'active'
order by patient.standing_since desc, patient.display_name, patient.patient_id;
