-- Statements about what care lacks. Role: homevitals_console.

-- name: people
-- Active patients who are cared for: in a program beyond the first contacts, or measuring with a device of ours. Each
-- subject is gathered for all patients at once: asked patient by patient behind the walls it takes twenty times as long.
with device as (
    select patient_id, min(valid_from) as since
    from ingest.assignment
    where practice_id = %(practice_id)s and voided_at is null and valid_from <= %(at)s and %(at)s < valid_until
      and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
    group by patient_id
), care as (
    select enrolment.patient_id, min(coalesce(enrolment.consent_documented_at, enrolment.opened_at)) as since,
           bool_or(consent.consent_id is null) as lacks_consent
    from ccm.enrolment
    left join ccm.consent
        on consent.practice_id = enrolment.practice_id and consent.enrolment_id = enrolment.enrolment_id
       and consent.documented_at <= %(at)s and consent.superseded_at is null and consent.revoked_at is null
    where enrolment.practice_id = %(practice_id)s and enrolment.state in ('consented', 'planned', 'active')
      and (%(patient_ids)s::uuid[] is null or enrolment.patient_id = any (%(patient_ids)s::uuid[]))
    group by enrolment.patient_id
), contact as (
    select patient_id, max(contact_at) as last_at
    from (
        select patient_id, tried_at as contact_at from ccm.outreach
        where practice_id = %(practice_id)s and outcome = 'reached' and tried_at <= %(at)s
          and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
        union all
        select patient_id, ended_at from ccm.time_entry
        where practice_id = %(practice_id)s and voided_at is null and outcome = 'reached'
          and method in ('phone', 'video', 'in_person') and counterpart in ('patient', 'caregiver')
          and started_at >= %(contact_since)s and ended_at <= %(at)s
          and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
        union all
        select patient_id, completed_at from ccm.task
        where practice_id = %(practice_id)s and status = 'completed' and completed_at between %(contact_since)s and %(at)s
          and disposition in ('reached_advised', 'reached_escalated', 'emergency_services_advised')
          and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
    ) made
    group by patient_id
)
select patient.patient_id, patient.display_name, patient.record_number, patient.time_zone, device.since as device_since,
       care.since as in_care_since, coalesce(care.lacks_consent, true) as lacks_consent, contact.last_at as contact_at
from ingest.patient
left join device using (patient_id)
left join care using (patient_id)
left join contact using (patient_id)
where patient.practice_id = %(practice_id)s and patient.standing = 'active'
  and (device.since is not null or care.since is not null)
  and (%(patient_ids)s::uuid[] is null or patient.patient_id = any (%(patient_ids)s::uuid[]))
order by patient.display_name, patient.patient_id;

-- name: last_measured
-- Of some patients, kind by kind by the index, the newest reading whose time is known, and that says what was measured.
select asked_patient.patient_id, max(newest.measured_at) as measured_at
from unnest(%(patient_ids)s::uuid[]) as asked_patient (patient_id)
cross join unnest(%(kinds)s::text[]) as asked_kind (kind)
cross join lateral (
    select r.measured_at from ingest.reading r
    where r.practice_id = %(practice_id)s and r.patient_id = asked_patient.patient_id and r.kind = asked_kind.kind
      and r.measured_at >= %(since)s and r.measured_at <= %(at)s
      and r.result in ('measured', 'above_range', 'below_range') and r.time_quality <> 'unknown'
    order by r.measured_at desc
    limit 1) newest
group by asked_patient.patient_id;
