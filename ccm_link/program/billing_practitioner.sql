-- Statements about who bills a program. Role: homevitals_console.

-- name: end_practitioner
-- Who bills it now does so no more; never before having begun.
update ccm.enrolment_practitioner set until_at = %(at)s
where practice_id = %(practice_id)s and enrolment_id = %(enrolment_id)s and until_at = 'infinity' and from_at < %(at)s
returning staff_id;

-- name: begin_practitioner
-- Who bills it from now on: a clinician with an open account. No row comes back for anybody else.
insert into ccm.enrolment_practitioner (practice_id, enrolment_id, patient_id, staff_id, from_at, set_by)
select practice_id, %(enrolment_id)s, %(patient_id)s, staff_id, %(at)s, %(made_by)s
from ingest.staff
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and role = 'clinician' and disabled_at is null
returning staff_id;

-- name: candidates
-- Who can bill a program.
select staff_id, display_name
from ingest.staff
where practice_id = %(practice_id)s and role = 'clinician' and disabled_at is null
order by display_name, staff_id;
