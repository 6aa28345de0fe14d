-- Statements of a program's report: a row a patient, from which groups are made. Role: homevitals_console.

-- name: panel
-- Whoever was in care at some instant of the span, with the days in it (once, in however many programs) and whose they are now.
select in_care.patient_id,
       (select sum(extract(epoch from upper(part) - lower(part)))::double precision / 86400
        from unnest(range_agg(tstzrange(greatest(in_care.from_at, %(since_at)s), least(in_care.until_at, %(until_at)s)))) part)
           as days,
       min(in_care.from_at) as from_at,
       (select practitioner.display_name
        from ccm.enrolment_practitioner held
        join ingest.staff practitioner using (practice_id, staff_id)
        where held.practice_id = in_care.practice_id and held.patient_id = in_care.patient_id and held.until_at = 'infinity'
        order by held.from_at limit 1) as practitioner,
       (select manager.display_name
        from ccm.team_member member
        join ingest.staff manager using (practice_id, staff_id)
        where member.practice_id = in_care.practice_id and member.patient_id = in_care.patient_id
          and member.role = 'care_manager' and member.until_at = 'infinity') as care_manager
from ccm.in_care
join ingest.patient using (practice_id, patient_id)
where in_care.practice_id = %(practice_id)s and patient.standing = 'active'
  and in_care.from_at < %(until_at)s and in_care.until_at > %(since_at)s
group by in_care.practice_id, in_care.patient_id;

-- name: states
-- How many enrolments stand where now, and how many came to it within the span.
select enrolment.program, enrolment.state, enrolment.close_reason, count(*) as enrolments,
       count(*) filter (where exists (
           select from ccm.enrolment_event event
           where event.practice_id = enrolment.practice_id and event.enrolment_id = enrolment.enrolment_id
             and event.to_state = enrolment.state and event.at >= %(since_at)s and event.at < %(until_at)s)) as in_span
from ccm.enrolment
join ingest.patient using (practice_id, patient_id)
where enrolment.practice_id = %(practice_id)s and (patient.standing = 'active' or enrolment.state = 'closed')
group by enrolment.program, enrolment.state, enrolment.close_reason
order by enrolment.program, enrolment.state, enrolment.close_reason;

-- name: measuring
-- Days of the span with a reading that a device sent, of each patient.
select patient_id, count(distinct measured_day) filter (where device_count > 0) as days
from ingest.daily_summary
where practice_id = %(practice_id)s and measured_day >= %(since_on)s and measured_day < %(until_on)s
group by patient_id;

-- name: pressures
-- Means of blood pressure in the first 30 days of care and in the last 30 of the span, with how much they rest on.
select summary.patient_id, summary.measured_day >= %(last_from_on)s as is_last,
       sum(systolic_sum_mmhg) / nullif(sum(systolic_count), 0) as systolic_mmhg,
       sum(diastolic_sum_mmhg) / nullif(sum(diastolic_count), 0) as diastolic_mmhg,
       sum(systolic_count)::bigint as readings, count(distinct summary.measured_day) as days
from ingest.daily_summary summary
join (
    select patient_id, min(from_at)::date as from_on from ccm.in_care where practice_id = %(practice_id)s group by patient_id
) begun using (patient_id)
where summary.practice_id = %(practice_id)s and summary.kind = 'blood_pressure' and summary.systolic_count > 0
  and (summary.measured_day >= %(last_from_on)s and summary.measured_day < %(until_on)s
       or summary.measured_day >= begun.from_on and summary.measured_day < begun.from_on + 30
          and summary.measured_day < %(last_from_on)s)
group by summary.patient_id, 2;

-- name: glucose
-- Shares of glucose readings within 70 to 180 mg/dL in the same two spans of time.
select reading.patient_id, reading.measured_at >= %(last_from_at)s as is_last,
       count(*) filter (where reading.glucose_mg_dl between 70 and 180) as in_range,
       count(*) as readings, count(distinct reading.measured_day) as days
from (
    select patient_id, min(from_at) as from_at from ccm.in_care where practice_id = %(practice_id)s group by patient_id
) begun
join ingest.reading on reading.practice_id = %(practice_id)s and reading.patient_id = begun.patient_id
    and reading.kind = 'glucose' and reading.glucose_mg_dl is not null
    and (reading.measured_at >= %(last_from_at)s and reading.measured_at < %(until_at)s
         or reading.measured_at >= begun.from_at and reading.measured_at < begun.from_at + interval '30 days'
            and reading.measured_at < %(last_from_at)s)
group by reading.patient_id, 2;

-- name: triage
-- Of each alert task of the span: how long until a person first touched it and until it was done, in seconds.
select task.patient_id, task.severity,
       (select extract(epoch from min(event.at) - task.opened_at)::double precision from ccm.task_event event
        where event.practice_id = task.practice_id and event.task_id = task.task_id and event.staff_id is not null)
           as seen_after_s,
       extract(epoch from task.completed_at - task.opened_at)::double precision as done_after_s
from ccm.task
where task.practice_id = %(practice_id)s and task.episode_id is not null
  and task.opened_at >= %(since_at)s and task.opened_at < %(until_at)s;

-- name: work
-- Seconds that count, by patient and who worked them; and whether the patient was spoken with.
select entry.patient_id, staff.display_name as staff_name,
       sum(extract(epoch from least(entry.ended_at, %(until_at)s) - greatest(entry.started_at, %(since_at)s)))::bigint as seconds,
       bool_or(entry.outcome = 'reached' and entry.counterpart in ('patient', 'caregiver')) as was_reached
from ccm.counted_entry entry
join ingest.staff using (practice_id, staff_id)
where entry.practice_id = %(practice_id)s and not entry.is_voided and entry.is_approved
  and entry.started_at < %(until_at)s and entry.ended_at > %(since_at)s
group by entry.patient_id, staff.display_name;

-- name: claimed
-- Units of the months that begin in the span, by patient and code, and what was paid for their claims.
select claim.patient_id, claim.state, line.code, sum(line.units)::bigint as units, max(line.last_on) as last_on
from ccm.claim
join ccm.claim_line line using (practice_id, claim_id)
where claim.practice_id = %(practice_id)s and line.is_live
  and claim.month_on >= %(since_on)s and claim.month_on < %(until_on)s
group by claim.patient_id, claim.state, line.code, claim.month_on;

-- name: paid
-- What payers paid, in cents, by patient: of each claim the last word.
select patient_id, sum(paid_cents)::bigint as cents
from (
    select distinct on (event.claim_id) claim.patient_id, event.paid_cents
    from ccm.claim
    join ccm.claim_event event using (practice_id, claim_id)
    where claim.practice_id = %(practice_id)s and claim.month_on >= %(since_on)s and claim.month_on < %(until_on)s
      and claim.state not in ('void', 'corrected') and event.paid_cents is not null
    order by event.claim_id, event.event_number desc
) last_paid
group by patient_id;
