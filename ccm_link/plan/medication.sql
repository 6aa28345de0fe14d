-- Statements about medication. Role: homevitals_console.

-- name: record
-- No row comes back where the same stands on the list and is not ended.
insert into ccm.medication
    (practice_id, patient_id, name, rxnorm_code, dose, taken_from_on, source, prescriber, recorded_by, recorded_at)
select %(practice_id)s, %(patient_id)s, %(name)s, %(rxnorm_code)s, %(dose)s, %(taken_from_on)s, %(source)s,
       %(prescriber)s, %(staff_id)s, %(at)s
where not exists (
    select from ccm.medication
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and ended_at = 'infinity'
      and lower(name) = lower(%(name)s) and lower(dose) = lower(%(dose)s))
returning medication_id;

-- name: end_medication
-- Only an open one that was recorded before, and not before it was taken.
update ccm.medication
set ended_at = %(at)s, ended_on = %(ended_on)s, ended_by = %(staff_id)s, end_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and medication_id = %(medication_id)s
  and ended_at = 'infinity' and recorded_at < %(at)s
returning medication_id;

-- name: of_patient
-- All that was ever on the list, what holds first; “infinity” becomes null, for Python has no such instant.
select medication.medication_id, medication.patient_id, medication.name, medication.rxnorm_code, medication.dose,
       medication.taken_from_on, medication.source, medication.prescriber, recorder.display_name as recorded_by,
       medication.recorded_at, nullif(medication.ended_at, 'infinity') as ended_at, medication.ended_on,
       ender.display_name as ended_by, medication.end_reason
from ccm.medication
join ingest.staff recorder
    on recorder.practice_id = medication.practice_id and recorder.staff_id = medication.recorded_by
left join ingest.staff ender on ender.practice_id = medication.practice_id and ender.staff_id = medication.ended_by
where medication.practice_id = %(practice_id)s and medication.patient_id = %(patient_id)s
order by medication.ended_at desc, lower(medication.name), medication.recorded_at, medication.medication_id;

-- name: reconcile
-- With the list as it stands at that moment.
insert into ccm.medication_reconciliation
    (practice_id, patient_id, reconciled_by, reconciled_at, sources, medication_ids, discrepancies)
select %(practice_id)s, %(patient_id)s, %(staff_id)s, %(at)s, %(sources)s,
       array(select medication_id from ccm.medication
             where practice_id = %(practice_id)s and patient_id = %(patient_id)s and ended_at = 'infinity'
             order by medication_id),
       %(discrepancies)s
returning reconciliation_id;

-- name: reconciliations
-- All of a patient, the newest first.
select done.reconciliation_id, done.patient_id, done.reconciled_at, staff.display_name as reconciled_by, done.sources,
       done.medication_ids, done.discrepancies
from ccm.medication_reconciliation done
join ingest.staff on staff.practice_id = done.practice_id and staff.staff_id = done.reconciled_by
where done.practice_id = %(practice_id)s and done.patient_id = %(patient_id)s
order by done.reconciled_at desc, done.reconciliation_id;

-- name: last_reviews
-- Of many patients: when the medication was last reconciled, and when a stay in a hospital or nursing facility last ended.
select patient.patient_id, practice.time_zone,
       (select max(done.reconciled_at) from ccm.medication_reconciliation done
        where done.practice_id = patient.practice_id and done.patient_id = patient.patient_id
          and done.reconciled_at <= %(at)s) as reconciled_at,
       (select max(stay.discharged_at) from ccm.stay
        where stay.practice_id = patient.practice_id and stay.patient_id = patient.patient_id and stay.voided_at is null
          and stay.kind = any (%(kinds)s) and stay.discharged_at <= %(at)s) as discharged_at
from ingest.patient join ingest.practice using (practice_id)
where patient.practice_id = %(practice_id)s
  and (%(patient_ids)s::uuid[] is null or patient.patient_id = any (%(patient_ids)s::uuid[]));
