-- Statements about whom programs may suit. Role: homevitals_console.

-- name: patients
-- Every active patient with what speaks for a program and against it, on a day of the practice. Each table is read once.
with codes as (
    select patient_id, array_agg(code order by code) as codes
    from ccm.condition
    where practice_id = %(practice_id)s and ended_at = 'infinity'
      and (%(patient_id)s::uuid is null or patient_id = %(patient_id)s)
    group by patient_id
), attested as (
    select patient_id, jsonb_object_agg(requirement, is_met) as attested
    from (
        select distinct on (patient_id, requirement) patient_id, requirement, is_met
        from ccm.attestation
        where practice_id = %(practice_id)s and patient_id is not null
          and (%(patient_id)s::uuid is null or patient_id = %(patient_id)s)
          and from_on <= %(on)s and (until_on is null or until_on >= %(on)s)
        order by patient_id, requirement, attestation_no desc
    ) last
    group by patient_id
), beside as (
    select patient_id, jsonb_agg(distinct jsonb_build_array(what, by_whom)) as beside
    from ccm.billed_beside
    where practice_id = %(practice_id)s and from_on <= %(on)s and (until_on is null or until_on >= %(on)s)
      and (%(patient_id)s::uuid is null or patient_id = %(patient_id)s)
    group by patient_id
), enrolled as (
    select patient_id, max(state) filter (where program = %(program)s and state <> 'closed') as state,
           array_agg(program order by program) filter (where program <> %(program)s and state <> 'closed') as programs
    from ccm.enrolment
    where practice_id = %(practice_id)s and (%(patient_id)s::uuid is null or patient_id = %(patient_id)s)
    group by patient_id
), closed as (
    select distinct on (patient_id) patient_id, close_reason as closed_because, ended_at as closed_at
    from ccm.enrolment
    where practice_id = %(practice_id)s and program = %(program)s and state = 'closed'
      and (%(patient_id)s::uuid is null or patient_id = %(patient_id)s)
    order by patient_id, ended_at desc
)
select patient.patient_id, patient.display_name, patient.record_number, patient.born_on, codes.codes, attested.attested,
       beside.beside, enrolled.programs, enrolled.state, closed.closed_because, closed.closed_at
from ingest.patient
left join codes using (patient_id)
left join attested using (patient_id)
left join beside using (patient_id)
left join enrolled using (patient_id)
left join closed using (patient_id)
where patient.practice_id = %(practice_id)s and patient.standing = 'active'
  and (%(patient_id)s::uuid is null or patient.patient_id = %(patient_id)s);
