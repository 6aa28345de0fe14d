-- Statements about what care lacks. Role: homevitals_console.

-- name: people
-- Active patients who are cared for: in a program beyond the first contacts, or measuring with a device of ours. What is
-- looked up beside each has its index; that a patient measured is asked from an instant on, kind by kind.
select patient.patient_id, patient.display_name, patient.record_number, patient.time_zone,
       (select min(assignment.valid_from) from ingest.assignment
        where assignment.practice_id = patient.practice_id and assignment.patient_id = patient.patient_id
          and assignment.voided_at is null and assignment.valid_from <= %(at)s
          and %(at)s < assignment.valid_until) as device_since,
       care.since as in_care_since, coalesce(care.lacks_consent, true) as lacks_consent,
       measured.last_at as measured_at,
       greatest(
           (select max(tried_at) from ccm.outreach
            where outreach.practice_id = patient.practice_id and outreach.patient_id = patient.patient_id
              and outreach.outcome = 'reached' and outreach.tried_at <= %(at)s),
           (select max(ended_at) from ccm.time_entry entry
            where entry.practice_id = patient.practice_id and entry.patient_id = patient.patient_id
              and entry.voided_at is null and entry.outcome = 'reached' and entry.method in ('phone', 'video', 'in_person')
              and entry.counterpart in ('patient', 'caregiver') and entry.ended_at <= %(at)s),
           (select max(completed_at) from ccm.task
            where task.practice_id = patient.practice_id and task.patient_id = patient.patient_id
              and task.disposition in ('reached_advised', 'reached_escalated', 'emergency_services_advised')
              and task.completed_at <= %(at)s)) as contact_at
from ingest.patient
left join lateral (
    select min(coalesce(enrolment.consent_documented_at, enrolment.opened_at)) as since,
           bool_or(not exists (
               select from ccm.consent
               where consent.practice_id = enrolment.practice_id and consent.enrolment_id = enrolment.enrolment_id
                 and consent.documented_at <= %(at)s and consent.superseded_at is null
                 and consent.revoked_at is null)) as lacks_consent
    from ccm.enrolment
    where enrolment.practice_id = patient.practice_id and enrolment.patient_id = patient.patient_id
      and enrolment.state in ('consented', 'planned', 'active')
) care on true
left join lateral (
    select max(newest.measured_at) as last_at
    from unnest(%(kinds)s::text[]) as asked (kind)
    cross join lateral (
        select r.measured_at from ingest.reading r
        where r.practice_id = patient.practice_id and r.patient_id = patient.patient_id and r.kind = asked.kind
          and r.measured_at >= %(measured_since)s and r.measured_at <= %(at)s
          and r.result in ('measured', 'above_range', 'below_range') and r.time_quality <> 'unknown'
        order by r.measured_at desc
        limit 1) newest
) measured on true
where patient.practice_id = %(practice_id)s and patient.standing = 'active'
  and (%(patient_ids)s::uuid[] is null or patient.patient_id = any (%(patient_ids)s::uuid[]))
  and (care.since is not null or exists (
      select from ingest.assignment
      where assignment.practice_id = patient.practice_id and assignment.patient_id = patient.patient_id
        and assignment.voided_at is null and assignment.valid_from <= %(at)s and %(at)s < assignment.valid_until))
order by patient.display_name, patient.patient_id;
