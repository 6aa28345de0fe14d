-- Statements of exports: readings of patients, streamed.

-- name: patients_to_export
-- Whose data will be taken; the trail says so before the first of it leaves.
select p.patient_id
from ingest.patient p
where p.practice_id = %(practice_id)s
  and (%(record_number)s::text is null or p.record_number = %(record_number)s)
  and exists (
      select from ingest.reading_history r
      where r.practice_id = p.practice_id and r.patient_id = p.patient_id
        and (%(kind)s::text is null or r.kind = %(kind)s)
        and r.measured_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
        and r.measured_at < coalesce(%(until_at)s::timestamptz, 'infinity'))
order by p.patient_id;

-- name: readings_to_export
-- The versions that count, patient by patient in event time; the columns are those of exporting/columns.py.
select p.record_number, r.measured_at, r.kind, r.result, r.systolic_mmhg, r.diastolic_mmhg, r.mean_arterial_mmhg,
       r.pulse_bpm, r.glucose_mg_dl, r.weight_kg, r.spo2_percent, r.temperature_celsius, r.ketone_mmol_l, r.qualifiers,
       r.origin, r.time_method, r.time_quality, r.measured_day, r.stored_at, r.profile_id, r.profile_version, r.reading_id,
       r.version, r.superseded_at
from ingest.reading r
join ingest.patient p on p.practice_id = r.practice_id and p.patient_id = r.patient_id
where r.practice_id = %(practice_id)s and r.patient_id = any(%(patient_ids)s)
  and (%(kind)s::text is null or r.kind = %(kind)s)
  and r.measured_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
  and r.measured_at < coalesce(%(until_at)s::timestamptz, 'infinity')
order by r.patient_id, r.kind, r.measured_at, r.reading_id;

-- name: versions_to_export
-- All versions that ever counted.
select p.record_number, r.measured_at, r.kind, r.result, r.systolic_mmhg, r.diastolic_mmhg, r.mean_arterial_mmhg,
       r.pulse_bpm, r.glucose_mg_dl, r.weight_kg, r.spo2_percent, r.temperature_celsius, r.ketone_mmol_l, r.qualifiers,
       r.origin, r.time_method, r.time_quality, r.measured_day, r.stored_at, r.profile_id, r.profile_version, r.reading_id,
       r.version, r.superseded_at
from ingest.reading_history r
join ingest.patient p on p.practice_id = r.practice_id and p.patient_id = r.patient_id
where r.practice_id = %(practice_id)s and r.patient_id = any(%(patient_ids)s)
  and (%(kind)s::text is null or r.kind = %(kind)s)
  and r.measured_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
  and r.measured_at < coalesce(%(until_at)s::timestamptz, 'infinity')
order by r.patient_id, r.kind, r.measured_at, r.version, r.reading_id;
