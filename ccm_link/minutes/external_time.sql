-- Statements about systems that report minutes. Roles: homevitals_entrance for who is at the door, homevitals_console.

-- name: who
-- The system that a token belongs to, of whatever practice, unless it was revoked. Role: homevitals_entrance.
select practice_id, system_id, name from ccm.external_system
where token_sha256 = %(token_sha256)s and revoked_at = 'infinity';

-- name: add_system
-- The token itself is nowhere.
insert into ccm.external_system (practice_id, name, token_sha256, added_by, added_at)
values (%(practice_id)s, %(name)s, %(token_sha256)s, %(added_by)s, %(at)s)
returning system_id;

-- name: revoke
-- Once.
update ccm.external_system set revoked_at = %(at)s, revoked_by = %(by)s
where practice_id = %(practice_id)s and system_id = %(system_id)s and revoked_at = 'infinity'
returning system_id;

-- name: systems
-- All that are not revoked, with how much each has reported and when last.
select system.system_id, system.name, system.added_at, count(reported.entry_id) as reported,
       max(reported.received_at) as last_at
from ccm.external_system system
left join ccm.external_time_entry reported using (practice_id, system_id)
where system.practice_id = %(practice_id)s and system.revoked_at = 'infinity'
group by system.practice_id, system.system_id
order by system.name, system.system_id;

-- name: hold_system
-- Reports of one system come one after the other, and none after it was revoked.
select system_id from ccm.external_system
where practice_id = %(practice_id)s and system_id = %(system_id)s and revoked_at = 'infinity'
for no key update;

-- name: people
-- Whom each system means by its own ids.
select external.system_id, external.external_id, external.staff_id, staff.display_name as staff_name
from ccm.external_staff external join ingest.staff using (practice_id, staff_id)
where external.practice_id = %(practice_id)s
order by external.external_id;

-- name: say_who
-- What was said before is replaced: entries keep the person whom they were taken for.
insert into ccm.external_staff (practice_id, system_id, external_id, staff_id, added_by, added_at)
select practice_id, system_id, %(external_id)s, %(staff_id)s, %(by)s, %(at)s from ccm.external_system
where practice_id = %(practice_id)s and system_id = %(system_id)s and revoked_at = 'infinity'
on conflict (practice_id, system_id, external_id) do update
set staff_id = excluded.staff_id, added_by = excluded.added_by, added_at = excluded.added_at
returning staff_id;

-- name: by_external_id
-- Whom a system means.
select staff_id from ccm.external_staff
where practice_id = %(practice_id)s and system_id = %(system_id)s and external_id = %(external_id)s;

-- name: by_npi
-- Whose number it was at the time of the work.
select staff_id from ccm.staff_credential
where practice_id = %(practice_id)s and npi = %(npi)s and from_at <= %(at)s and %(at)s < until_at;

-- name: patient_of
-- By the practice's own number, whoever may see the patient: what was done for them counts.
select patient_id from ingest.patient where practice_id = %(practice_id)s and record_number = %(record_number)s;

-- name: reported_before
-- What came of a report under this id.
select entry_id, content_sha256 = %(content_sha256)s as is_same from ccm.external_time_entry
where practice_id = %(practice_id)s and system_id = %(system_id)s and external_id = %(external_id)s;

-- name: remember
-- With the entry, in its transaction.
insert into ccm.external_time_entry (practice_id, system_id, external_id, content_sha256, entry_id, received_at)
values (%(practice_id)s, %(system_id)s, %(external_id)s, %(content_sha256)s, %(entry_id)s, %(at)s);

-- name: note_conflict
-- Something for an operator to look into.
insert into ingest.security_event (practice_id, at, event, detail)
values (%(practice_id)s, %(at)s, 'external_time_differs', %(detail)s);
