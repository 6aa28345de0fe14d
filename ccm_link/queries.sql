-- Statements of care management but for tasks and programs. Role: homevitals_console.

-- name: lock_person
-- Lets one person's changes to timers and time entries happen one after the other, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('ccm.person/' || %(staff_id)s::text, 0));

-- name: load_month_totals
-- Seconds of care per patient: the union of all counted intervals, so that no second of a patient counts twice when two
-- colleagues worked at once. What counts: entries that are not voided, of care managers and clinicians, clipped to the
-- practice's calendar month and to the span of the patient's consent, without the times in which the patient was not
-- active. One row for every patient who was enrolled and active on some instant of the month, or the one asked for.
with consented as (
    select patient_id, range_agg(tstzrange(from_at, until_at) * span) as spans
    from ccm.in_care
    cross join ccm.month_span(%(practice_id)s, %(month_on)s) span
    where practice_id = %(practice_id)s and program = 'ccm'
      and (%(patient_id)s::uuid is null or patient_id = %(patient_id)s)
      and tstzrange(from_at, until_at) && span
    group by patient_id
), cared_for as (
    select consented.patient_id, consented.spans - coalesce(inactive.spans, '{}') as spans
    from consented
    left join ingest.inactive_time inactive
        on inactive.practice_id = %(practice_id)s and inactive.patient_id = consented.patient_id
), worked as (
    select entry.patient_id, range_agg(tstzrange(entry.started_at, entry.ended_at)) as spans
    from ccm.time_entry entry
    cross join ccm.month_span(%(practice_id)s, %(month_on)s) span
    where entry.practice_id = %(practice_id)s
      and (%(patient_id)s::uuid is null or entry.patient_id = %(patient_id)s)
      and entry.voided_at is null and entry.staff_role in ('care_manager', 'clinician')
      and entry.started_at > lower(span) - interval '8 hours' and entry.started_at < upper(span)
    group by entry.patient_id
)
select patient_id, patient.display_name as patient_name, coalesce(
    (select floor(extract(epoch from sum(upper(counted) - lower(counted))))
     from unnest(worked.spans * cared_for.spans) counted), 0)::integer as seconds
from cared_for
join ingest.patient using (patient_id)
left join worked using (patient_id)
where patient.practice_id = %(practice_id)s and not isempty(cared_for.spans)
order by patient.display_name, patient_id;
