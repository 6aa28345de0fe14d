-- What billing asks of many patients' months at once; one statement for each kind of fact. Role: homevitals_console.

-- name: load_patients_of_month
-- Who is in care in a program in the month, has work logged in it, or is monitored at home; whoever else has nothing to bill.
select patient_id from (
    select patient_id from ccm.in_care
    where practice_id = %(practice_id)s and from_at < %(until_at)s and until_at > %(from_at)s
    union
    select patient_id from ccm.time_entry
    where practice_id = %(practice_id)s and started_at > %(from_at)s::timestamptz - interval '8 hours'
      and started_at < %(until_at)s and ended_at > %(from_at)s
    union
    select patient_id from ccm.monitoring
    where practice_id = %(practice_id)s and started_on <= %(last_on)s and ended_on >= %(first_on)s::date - 30
) found
join ingest.patient using (patient_id)
where patient.practice_id = %(practice_id)s
order by patient_id;

-- name: load_patients
-- Time zone, and when the patient died: at the end of the day where the time is not known, for work of that day may be from before.
select patient.patient_id, patient.time_zone,
       coalesce(death.died_at, (death.died_on + 1)::timestamp at time zone patient.time_zone, death.since_at) as died_at
from ingest.patient
left join ingest.patient_standing death
    on death.practice_id = patient.practice_id and death.patient_id = patient.patient_id and death.standing = 'deceased'
    and death.withdrawn_at is null and patient.standing = 'deceased'
where patient.practice_id = %(practice_id)s and patient.patient_id = any (%(patient_ids)s);

-- name: load_inactive
-- When patients were not cared for here, though alive: of the standings that were not withdrawn, each until the next.
select patient_id, since_at, nullif(until_at, 'infinity') as until_at from (
    select patient_id, standing, since_at,
           lead(since_at, 1, 'infinity') over (partition by patient_id order by since_at) as until_at
    from ingest.patient_standing
    where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and withdrawn_at is null
) held
where standing in ('inactive', 'transferred') and since_at < %(until_at)s
order by patient_id, since_at;

-- name: load_diagnoses
-- Codes that held at some instant of the month.
select patient_id, array_agg(distinct code order by code) as codes
from ccm.condition
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s)
  and recorded_at < %(until_at)s and ended_at > %(from_at)s
group by patient_id;

-- name: load_monitoring
-- Episodes that have begun by the end of the month and can have a block in it, or one into which such a block falls. Whether
-- the set-up was billed: as the person said who began the episode; else whether a claim for another month has it that still
-- stands. A month after this one can: readings that come late make an earlier block the first of days enough.
select monitoring.patient_id, monitoring.program, monitoring.started_on,
       nullif(monitoring.ended_on, 'infinity') as ended_on,
       case when monitoring.set_up_billed then true
            when exists (
                select from ccm.claim_line line
                join ccm.claim using (practice_id, claim_id, patient_id)
                where line.practice_id = monitoring.practice_id and line.patient_id = monitoring.patient_id
                  and line.program = monitoring.program and line.is_set_up and line.is_live
                  and line.first_on between monitoring.started_on and monitoring.ended_on
                  and claim.month_on <> %(first_on)s and claim.state <> 'proposed') then true
            else monitoring.set_up_billed end as is_set_up_billed
from ccm.monitoring
where monitoring.practice_id = %(practice_id)s and monitoring.patient_id = any (%(patient_ids)s)
  and monitoring.started_on <= %(last_on)s and monitoring.ended_on >= %(first_on)s::date - 60
order by monitoring.patient_id, monitoring.started_on;

-- name: load_readings
-- What was measured around the month: enough for every block that touches it. What gave no number and control solution is
-- no measurement; an unknown time is null.
select patient_id, reading_id, case when time_quality <> 'unknown' then measured_at end as measured_at, origin
from ingest.reading
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s)
  and measured_at >= %(from_at)s and measured_at < %(until_at)s
  and result not in ('not_measurable', 'control_solution');

-- name: load_days_before
-- Of each day before that one automatic reading: enough to see whether a block before had days enough for a set-up.
select distinct on (patient_id, measured_day) patient_id, reading_id, measured_at, origin
from ingest.reading
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s)
  and measured_at >= %(from_at)s and measured_at < %(until_at)s
  and result not in ('not_measurable', 'control_solution') and origin = 'device' and time_quality <> 'unknown'
order by patient_id, measured_day, measured_at;

-- name: load_settled
-- The newest word on each hold, where that is that it is settled.
select patient_id, hold_key, reason from (
    select distinct on (patient_id, hold_key) patient_id, hold_key, reason, is_settled
    from ccm.settled_hold
    where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and month_on = %(first_on)s
    order by patient_id, hold_key, settled_number desc
) newest
where is_settled;

-- name: settle
-- What a person said about a hold: that it is settled, or that it is open again.
insert into ccm.settled_hold (practice_id, patient_id, month_on, hold_key, is_settled, reason, staff_id, at)
values (%(practice_id)s, %(patient_id)s, %(first_on)s, %(hold_key)s, %(is_settled)s, %(reason)s, %(staff_id)s, %(at)s)
returning settled_number;

-- name: load_settlements
-- All that people said about holds of a patient's month, the newest first.
select settled.hold_key, settled.is_settled, settled.reason, settled.at, staff.display_name as staff_name
from ccm.settled_hold settled
join ingest.staff using (practice_id, staff_id)
where settled.practice_id = %(practice_id)s and settled.patient_id = %(patient_id)s and settled.month_on = %(first_on)s
order by settled.settled_number desc;
