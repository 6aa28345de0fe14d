-- Statements about carers and relatives. Role: homevitals_console.

-- name: add
-- Somebody close to the patient.
insert into ccm.related_person (practice_id, patient_id, name, relationship, phone, recorded_by, recorded_at)
values (%(practice_id)s, %(patient_id)s, %(name)s, %(relationship)s, %(phone)s, %(by)s, %(at)s)
returning related_id;

-- name: end_person
-- Only an open one that began before.
update ccm.related_person set ended_at = %(at)s, ended_by = %(by)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and related_id = %(related_id)s
  and ended_at = 'infinity' and recorded_at < %(at)s
returning related_id;

-- name: allow
-- Of a person who is there still; no row comes back where the practice may talk with them already.
insert into ccm.talk_permission (practice_id, patient_id, related_id, given_at, recorded_by)
select practice_id, patient_id, related_id, %(given_at)s, %(by)s from ccm.related_person
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and related_id = %(related_id)s and ended_at = 'infinity'
on conflict do nothing
returning permission_id;

-- name: end_permission
-- Only an open one that began before.
update ccm.talk_permission set ended_at = %(at)s, ended_by = %(by)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and related_id = %(related_id)s
  and ended_at = 'infinity' and given_at < %(at)s
returning permission_id;

-- name: of_patients
-- Those of some patients who are there still, and since when the practice may talk with each.
select person.related_id, person.patient_id, person.name, person.relationship, person.phone, person.recorded_by,
       person.recorded_at, permission.given_at as may_talk_since
from ccm.related_person person
left join ccm.talk_permission permission
    on permission.practice_id = person.practice_id and permission.related_id = person.related_id
    and permission.ended_at = 'infinity'
where person.practice_id = %(practice_id)s and person.patient_id = any (%(patient_ids)s) and person.ended_at = 'infinity'
order by person.patient_id, person.name, person.related_id;

-- name: permissions
-- From when until when the practice was allowed to talk with whom, the newest first; "infinity" becomes null, for Python has
-- no such instant.
select permission.permission_id, permission.related_id, person.name, permission.given_at, permission.recorded_by,
       nullif(permission.ended_at, 'infinity') as ended_at, permission.ended_by
from ccm.talk_permission permission
join ccm.related_person person
    on person.practice_id = permission.practice_id and person.related_id = permission.related_id
where permission.practice_id = %(practice_id)s and permission.patient_id = %(patient_id)s
order by permission.given_at desc, permission.permission_id;
