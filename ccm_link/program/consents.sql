-- Statements of the consent register. Role: homevitals_console; carry_over also homevitals_owner, for what is set up.

-- name: carry_over
-- A consent that was documented elsewhere; how it was taken is not known here.
insert into ccm.consent
    (practice_id, enrolment_id, patient_id, method, elements, given_by, taken_by, documented_at, recorded_at)
values
    (%(practice_id)s, %(enrolment_id)s, %(patient_id)s, 'not_recorded', '{}', 'not_recorded', %(made_by)s, %(at)s, %(at)s);

-- name: add
-- A consent as it was taken.
insert into ccm.consent
    (practice_id, enrolment_id, patient_id, practitioner_id, method, script, script_version, elements, given_by, carer,
     taken_by, witness, documented_at, recorded_at, evidence)
values
    (%(practice_id)s, %(enrolment_id)s, %(patient_id)s, %(practitioner_id)s, %(method)s, %(script)s, %(script_version)s,
     %(elements)s, %(given_by)s, %(carer)s, %(taken_by)s, %(witness)s, %(documented_at)s, %(recorded_at)s, %(evidence)s)
returning consent_id;

-- name: supersede
-- The consent in force is for a practitioner who bills no more, or is written down anew.
update ccm.consent set superseded_at = greatest(%(at)s, documented_at)
where practice_id = %(practice_id)s and enrolment_id = %(enrolment_id)s and superseded_at is null and revoked_at is null
returning consent_id;

-- name: revoke
-- Only the consent in force, and never before it was given.
update ccm.consent set revoked_at = %(revoked_at)s, revoked_by = %(revoked_by)s, revoke_reason = %(reason)s
where practice_id = %(practice_id)s and enrolment_id = %(enrolment_id)s and consent_id = %(consent_id)s
  and superseded_at is null and revoked_at is null and documented_at <= %(revoked_at)s
returning consent_id;

-- name: of_patient
-- All of one patient, the newest first.
select consent.practice_id, consent_id, enrolment_id, patient_id, practitioner_id, staff.display_name as practitioner_name,
       method, script, script_version, elements, given_by, carer, taken_by, witness, documented_at, recorded_at, evidence,
       superseded_at, revoked_at, revoked_by, revoke_reason
from ccm.consent
left join ingest.staff on staff.practice_id = consent.practice_id and staff.staff_id = consent.practitioner_id
where consent.practice_id = %(practice_id)s and consent.patient_id = %(patient_id)s
order by documented_at desc, recorded_at desc, consent_id;
