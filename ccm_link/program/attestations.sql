-- Statements about what people vouch for. Role: homevitals_console.

-- name: attest
-- No row comes back where the same was said last.
insert into ccm.attestation
    (practice_id, patient_id, requirement, is_met, basis, from_on, until_on, attested_by, attested_at)
select %(practice_id)s, %(patient_id)s, %(requirement)s, %(is_met)s, %(basis)s, %(from_on)s, %(until_on)s,
       %(attested_by)s, %(at)s
where not exists (
    select from (
        select is_met, from_on, until_on, basis from ccm.attestation
        where practice_id = %(practice_id)s and patient_id is not distinct from %(patient_id)s::uuid
          and requirement = %(requirement)s
        order by attestation_no desc
        limit 1
    ) last
    where last.is_met = %(is_met)s and last.from_on = %(from_on)s
      and last.until_on is not distinct from %(until_on)s::date and last.basis = %(basis)s)
returning attestation_id;

-- name: of_patient
-- All that was ever said of one patient.
select attestation_id, patient_id, requirement, is_met, basis, from_on, until_on, attested_by, attested_at
from ccm.attestation
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by attestation_no desc;

-- name: of_practice
-- All that was ever said of the practice as a whole.
select attestation_id, patient_id, requirement, is_met, basis, from_on, until_on, attested_by, attested_at
from ccm.attestation
where practice_id = %(practice_id)s and patient_id is null
order by attestation_no desc;
