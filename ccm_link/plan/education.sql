-- Statements about what patients and carers were taught. Role: homevitals_console.

-- name: record
-- One lesson.
insert into ccm.education
    (practice_id, patient_id, topic, method, learner, taught_by, taught_at, teach_back, points, note, recorded_at)
values (%(practice_id)s, %(patient_id)s, %(topic)s, %(method)s, %(learner)s, %(staff_id)s, %(taught_at)s, %(teach_back)s,
        %(points)s, %(note)s, %(at)s)
returning education_id;

-- name: of_patient
-- All of a patient, the newest first.
select education.education_id, education.patient_id, education.topic, education.method, education.learner,
       teacher.display_name as taught_by, education.taught_at, education.teach_back, education.points, education.note
from ccm.education
join ingest.staff teacher on teacher.practice_id = education.practice_id and teacher.staff_id = education.taught_by
where education.practice_id = %(practice_id)s and education.patient_id = %(patient_id)s
order by education.taught_at desc, education.education_id;
