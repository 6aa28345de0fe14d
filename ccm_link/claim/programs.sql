-- Statements about the programs of a practice's month, for many patients at once. Role: homevitals_console.

-- name: enrolments_of_month
-- Who was in care in the month, or in the block of 30 days that may end in it: each enrolment with its consents and with who
-- billed it from when on. Instants as JSON writes them; "infinity" becomes null, for Python has no such instant. Each table
-- is read once.
with agreed as (
    select enrolment_id, jsonb_agg(jsonb_build_object(
               'practitioner_id', practitioner_id, 'documented_at', documented_at,
               'documented_on', (documented_at at time zone practice.time_zone)::date, 'superseded_at', superseded_at,
               'revoked_at', revoked_at)
           order by documented_at, recorded_at) as consents
    from ccm.consent
    join ingest.practice using (practice_id)
    where practice_id = %(practice_id)s
      and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
    group by enrolment_id
), billed as (
    select enrolment_id, jsonb_agg(jsonb_build_object('staff_id', staff_id, 'from_at', from_at) order by from_at)
               as practitioners
    from ccm.enrolment_practitioner
    where practice_id = %(practice_id)s
      and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
    group by enrolment_id
)
select patient_id, program, opened_at, nullif(ended_at, 'infinity') as ended_at, agreed.consents, billed.practitioners
from ccm.enrolment
cross join ccm.month_span(%(practice_id)s, %(first_on)s) span
left join agreed using (enrolment_id)
left join billed using (enrolment_id)
where practice_id = %(practice_id)s
  and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
  and consent_documented_at < least(upper(span), ended_at) and ended_at > lower(span) - interval '30 days'
order by patient_id, program, opened_at, enrolment_id;

-- name: attested_of_month
-- What was vouched for last of each patient and requirement, of what covers a day of the month; of the practice as a whole
-- without a patient.
select distinct on (patient_id, requirement) patient_id, requirement, is_met
from ccm.attestation
where practice_id = %(practice_id)s
  and (patient_id is null or %(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
  and from_on <= %(last_on)s and (until_on is null or until_on >= %(first_on)s)
order by patient_id, requirement, attestation_no desc;

-- name: visits
-- The visits that were not withdrawn.
select patient_id, practitioner_id, visited_on, kind, was_discussed
from ccm.practitioner_visit
where practice_id = %(practice_id)s and withdrawn_at is null
  and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]));

-- name: with_care_manager
-- Which patients had a named care manager at an instant.
select patient_id
from ccm.team_member
where practice_id = %(practice_id)s and role = 'care_manager' and from_at <= %(at)s and %(at)s < until_at
  and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]));

-- name: with_set_up
-- Which patients had a device set up, and were taught to use it, until an instant.
select distinct patient_id
from ccm.device_set_up
where practice_id = %(practice_id)s and set_up_at <= %(at)s and taught_at <= %(at)s
  and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]));

-- name: beside_of_month
-- What else is billed or agreed on, on some day of the month.
select distinct patient_id, what, by_whom
from ccm.billed_beside
where practice_id = %(practice_id)s
  and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
  and from_on <= %(last_on)s and (until_on is null or until_on >= greatest(from_on, %(first_on)s))
order by patient_id, what, by_whom;
