-- Statements about devices that were set up with patients. Role: homevitals_console.

-- name: record
-- Only of a device that is the patient's at that instant; no row comes back otherwise.
insert into ccm.device_set_up
    (practice_id, patient_id, peripheral_id, learner, set_up_by, set_up_at, taught_at, recorded_at)
select %(practice_id)s, %(patient_id)s, %(peripheral_id)s, %(learner)s, %(staff_id)s, %(set_up_at)s, %(taught_at)s, %(at)s
where exists (
    select from ingest.assignment
    where practice_id = %(practice_id)s and peripheral_id = %(peripheral_id)s and patient_id = %(patient_id)s
      and voided_at is null and valid_from <= %(at)s and %(set_up_at)s < valid_until)
returning set_up_id;

-- name: devices
-- What a patient measures with now.
select distinct peripheral.peripheral_id, peripheral.profile_id, peripheral.bluetooth_address
from ingest.assignment
join ingest.peripheral using (practice_id, peripheral_id)
where assignment.practice_id = %(practice_id)s and assignment.patient_id = %(patient_id)s and assignment.voided_at is null
  and assignment.valid_from <= %(at)s and %(at)s < assignment.valid_until
order by peripheral.profile_id, peripheral.bluetooth_address;

-- name: of_patients
-- Of many patients, the newest set-up first, with when the first reading came from the device to the patient since then.
select set_up.set_up_id, set_up.patient_id, set_up.peripheral_id, peripheral.profile_id, set_up.learner,
       staff.display_name as set_up_by, set_up.set_up_at, set_up.taught_at,
       (select min(r.stored_at) from ingest.reading r
        where r.practice_id = set_up.practice_id and r.patient_id = set_up.patient_id
          and r.peripheral_id = set_up.peripheral_id and r.measured_at >= set_up.set_up_at
          and r.result = 'measured') as first_reading_at
from ccm.device_set_up set_up
join ingest.peripheral using (practice_id, peripheral_id)
join ingest.staff on staff.practice_id = set_up.practice_id and staff.staff_id = set_up.set_up_by
where set_up.practice_id = %(practice_id)s and set_up.patient_id = any (%(patient_ids)s) and set_up.recorded_at <= %(at)s
order by set_up.set_up_at desc, set_up.set_up_id;
