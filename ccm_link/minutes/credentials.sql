-- Statements about what staff are, from when until when. Role: homevitals_console.

-- name: record
-- The exclusion constraint refuses two at a time.
insert into ccm.staff_credential
    (practice_id, staff_id, credential, billing_role, npi, employer, supervisor_staff_id, may_bill, exclusion_checked_on,
     from_at, recorded_by, recorded_at)
values
    (%(practice_id)s, %(staff_id)s, %(credential)s, %(billing_role)s, %(npi)s, %(employer)s, %(supervisor_staff_id)s,
     %(may_bill)s, %(exclusion_checked_on)s, %(from_at)s, %(recorded_by)s, %(at)s)
returning credential_id;

-- name: end_credential
-- Only an open one; one that ends where it begins was recorded by mistake.
update ccm.staff_credential set until_at = %(until_at)s, ended_by = %(ended_by)s, end_reason = %(reason)s
where practice_id = %(practice_id)s and credential_id = %(credential_id)s and until_at = 'infinity'
  and from_at <= %(until_at)s
returning credential_id;

-- name: of_practice
-- All that was ever recorded, by person, the newest first; "infinity" becomes null, for Python has no such instant.
select credential.practice_id, credential_id, credential.staff_id, staff.display_name as staff_name, credential,
       billing_role, npi, employer, supervisor_staff_id, supervisor.display_name as supervisor_name, may_bill,
       exclusion_checked_on, from_at, nullif(until_at, 'infinity') as until_at, recorder.display_name as recorded_by_name,
       recorded_at, end_reason
from ccm.staff_credential credential
join ingest.staff using (practice_id, staff_id)
join ingest.staff recorder on recorder.practice_id = credential.practice_id and recorder.staff_id = credential.recorded_by
left join ingest.staff supervisor
    on supervisor.practice_id = credential.practice_id and supervisor.staff_id = credential.supervisor_staff_id
where credential.practice_id = %(practice_id)s
  and (%(staff_id)s::uuid is null or credential.staff_id = %(staff_id)s)
order by staff.display_name, credential.staff_id, from_at desc, recorded_at desc, credential_id;

-- name: in_force
-- What somebody was at an instant.
select credential.practice_id, credential_id, credential.staff_id, staff.display_name as staff_name, credential,
       billing_role, npi, employer, supervisor_staff_id, supervisor.display_name as supervisor_name, may_bill,
       exclusion_checked_on, from_at, nullif(until_at, 'infinity') as until_at, recorder.display_name as recorded_by_name,
       recorded_at, end_reason
from ccm.staff_credential credential
join ingest.staff using (practice_id, staff_id)
join ingest.staff recorder on recorder.practice_id = credential.practice_id and recorder.staff_id = credential.recorded_by
left join ingest.staff supervisor
    on supervisor.practice_id = credential.practice_id and supervisor.staff_id = credential.supervisor_staff_id
where credential.practice_id = %(practice_id)s and credential.staff_id = %(staff_id)s
  and from_at <= %(at)s and %(at)s < until_at;
