-- Statements about who cares for a patient. Role: homevitals_console.

-- name: add
-- No row comes back where the same stands there already, or another care manager does.
insert into ccm.team_member
    (practice_id, patient_id, role, staff_id, name, organisation, phone, note, from_at, added_by)
select %(practice_id)s, %(patient_id)s, %(role)s, %(staff_id)s, %(name)s, %(organisation)s, %(phone)s, %(note)s, %(at)s,
       %(added_by)s
on conflict do nothing
returning member_id;

-- name: is_suited
-- Whether a colleague can be named for a patient: a clinical role, an open account, and of the care team that a
-- restriction lets see the patient, where there is one.
select exists (
    select from ingest.staff
    where staff.practice_id = %(practice_id)s and staff.staff_id = %(staff_id)s
      and role in ('care_manager', 'clinician') and disabled_at is null
      and (not exists (
              select from ingest.restriction
              where restriction.practice_id = %(practice_id)s and restriction.patient_id = %(patient_id)s
                and restriction.ended_at = 'infinity')
          or exists (
              select from ingest.care_team_member member
              where member.practice_id = %(practice_id)s and member.patient_id = %(patient_id)s
                and member.staff_id = staff.staff_id and member.left_at = 'infinity'))
) as is_suited;

-- name: end_member
-- Once, and never before the beginning.
update ccm.team_member set until_at = %(at)s, ended_by = %(ended_by)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and member_id = %(member_id)s
  and until_at = 'infinity' and from_at < %(at)s
returning member_id;

-- name: end_care_manager
-- Whoever was named until now.
update ccm.team_member set until_at = %(at)s, ended_by = %(ended_by)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and role = 'care_manager' and until_at = 'infinity'
  and from_at < %(at)s
returning member_id;

-- name: of_patient
-- All who ever were, those who are first.
select member_id, member.role, member.staff_id, coalesce(staff.display_name, member.name) as name, organisation, phone,
       note, from_at, nullif(until_at, 'infinity') as until_at, added_by, ended_by
from ccm.team_member member
left join ingest.staff on staff.practice_id = member.practice_id and staff.staff_id = member.staff_id
where member.practice_id = %(practice_id)s and member.patient_id = %(patient_id)s
order by until_at desc, member.role <> 'care_manager', member.staff_id is null, member.role, from_at, member_id;

-- name: care_managers
-- The named care manager of each patient at an instant, if the account is open by now.
select member.patient_id, member.staff_id
from ccm.team_member member
join ingest.staff on staff.practice_id = member.practice_id and staff.staff_id = member.staff_id
where member.practice_id = %(practice_id)s
  and (%(patient_ids)s::uuid[] is null or member.patient_id = any (%(patient_ids)s::uuid[]))
  and member.role = 'care_manager' and member.from_at <= %(at)s and %(at)s < member.until_at
  and staff.disabled_at is null;
