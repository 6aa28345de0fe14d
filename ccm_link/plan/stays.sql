-- Statements about stays away from home. Role: homevitals_console.

-- name: record
-- With its end where it is over already.
insert into ccm.stay
    (practice_id, patient_id, kind, facility, source, admitted_at, recorded_by, recorded_at, discharged_at,
     discharge_recorded_by, discharge_recorded_at, contact_due_at)
values (%(practice_id)s, %(patient_id)s, %(kind)s, %(facility)s, %(source)s, %(admitted_at)s, %(staff_id)s, %(at)s,
        coalesce(%(discharged_at)s::timestamptz, 'infinity'),
        case when %(discharged_at)s::timestamptz is not null then %(staff_id)s::uuid end,
        case when %(discharged_at)s::timestamptz is not null then %(at)s::timestamptz end, %(contact_due_at)s)
returning stay_id;

-- name: discharge
-- Only one that goes on and began before.
update ccm.stay
set discharged_at = %(discharged_at)s, discharge_recorded_by = %(staff_id)s, discharge_recorded_at = %(at)s,
    contact_due_at = %(contact_due_at)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and stay_id = %(stay_id)s and voided_at is null
  and discharged_at = 'infinity'
returning stay_id;

-- name: set_contact_task
-- Once.
update ccm.stay set contact_task_id = %(task_id)s
where practice_id = %(practice_id)s and stay_id = %(stay_id)s and contact_task_id is null;

-- name: void
-- Once.
update ccm.stay set voided_at = %(at)s, voided_by = %(staff_id)s, void_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and stay_id = %(stay_id)s and voided_at is null
returning stay_id;

-- name: of_patient
-- All that were ever recorded, the newest first; “infinity” becomes null, for Python has no such instant.
select stay.stay_id, stay.patient_id, stay.kind, stay.facility, stay.source, stay.admitted_at,
       nullif(stay.discharged_at, 'infinity') as discharged_at, recorder.display_name as recorded_by, stay.recorded_at,
       stay.contact_due_at, stay.contact_task_id, task.status = 'completed' as is_contact_done, stay.voided_at,
       voider.display_name as voided_by, stay.void_reason
from ccm.stay
join ingest.staff recorder on recorder.practice_id = stay.practice_id and recorder.staff_id = stay.recorded_by
left join ingest.staff voider on voider.practice_id = stay.practice_id and voider.staff_id = stay.voided_by
left join ccm.task on task.practice_id = stay.practice_id and task.task_id = stay.contact_task_id
where stay.practice_id = %(practice_id)s and stay.patient_id = %(patient_id)s
order by stay.admitted_at desc, stay.recorded_at desc, stay.stay_id;

-- name: away
-- Of many patients: from when until when each was an inpatient in a span of time.
select patient_id, admitted_at, nullif(discharged_at, 'infinity') as discharged_at
from ccm.stay
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and voided_at is null and kind = any (%(kinds)s)
  and admitted_at < %(until_at)s and discharged_at > %(from_at)s;
