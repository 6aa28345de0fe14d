-- Statements about calls outside of the practice's hours. Role: homevitals_console.

-- name: line
-- The number in force.
select version, phone, set_by, set_at from ccm.patient_line
where practice_id = %(practice_id)s
order by version desc
limit 1;

-- name: set_line
-- The next version behind the one that was looked at; no row comes back where another was set meanwhile.
insert into ccm.patient_line (practice_id, version, phone, set_by, set_at)
select %(practice_id)s, %(former_version)s + 1, %(phone)s, %(set_by)s, %(at)s
where %(former_version)s = (select coalesce(max(version), 0) from ccm.patient_line where practice_id = %(practice_id)s)
on conflict do nothing
returning version;

-- name: patient_of_record
-- Whose record has this number.
select patient_id from ingest.patient where practice_id = %(practice_id)s and record_number = %(record_number)s;

-- name: is_clinical
-- Whether somebody is a colleague who answers patients.
select exists (
    select from ingest.staff
    where practice_id = %(practice_id)s and staff_id = %(staff_id)s and role in ('care_manager', 'clinician')
) as is_clinical;

-- name: log
-- No row comes back where the same call is written down already.
insert into ccm.after_hours_contact
    (practice_id, patient_id, called_at, caller, answered_by, answered_at, said, recorded_by, recorded_at)
values
    (%(practice_id)s, %(patient_id)s, %(called_at)s, %(caller)s, %(answered_by)s, %(answered_at)s, %(said)s,
     %(recorded_by)s, %(at)s)
on conflict do nothing
returning contact_id;

-- name: latest
-- The last calls.
select contact_id, contact.patient_id, patient.display_name as patient_name, called_at, caller, answered_by,
       staff.display_name as answered_by_name, answered_at, said, recorded_by, recorded_at
from ccm.after_hours_contact contact
left join ingest.patient on patient.practice_id = contact.practice_id and patient.patient_id = contact.patient_id
left join ingest.staff on staff.practice_id = contact.practice_id and staff.staff_id = contact.answered_by
where contact.practice_id = %(practice_id)s
order by called_at desc, contact_id
limit %(limit)s;
