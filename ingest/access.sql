-- Statements of access: restricted patients, care teams, emergency access. Role homevitals_console.

-- name: lock_patient
-- Lets changes to one patient's restriction and care team happen one after the other, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('ingest.access/' || %(patient_id)s::text, 0));

-- name: is_hidden
-- Whether a restriction hides a patient from the member of staff in force.
select %(patient_id)s::uuid = any (ingest.hidden_patients());

-- name: hidden_records
-- The record numbers of whom restrictions hide from the member of staff in force.
select patient_id, record_number from ingest.identities(%(practice_id)s, ingest.hidden_patients()) order by record_number;

-- name: find_hidden
-- Whom the exact name or record number names, among those hidden from the member of staff in force.
select patient_id from ingest.identities(%(practice_id)s, ingest.hidden_patients())
where record_number = %(typed)s or lower(display_name) = lower(%(typed)s)
order by record_number;

-- name: restrictions
-- All that hold, by record number. The name is for those who restrict.
select restriction.patient_id, identity.record_number, identity.display_name, restriction.restricted_at,
       restriction.reason, staff.display_name as restricted_by_name,
       restriction.patient_id = any (ingest.hidden_patients()) as is_hidden
from ingest.restriction
join ingest.staff on staff.practice_id = restriction.practice_id and staff.staff_id = restriction.restricted_by
join ingest.identities(%(practice_id)s, (
        select array_agg(patient_id) from ingest.restriction
        where practice_id = %(practice_id)s and ended_at = 'infinity')) identity
    on identity.patient_id = restriction.patient_id
where restriction.practice_id = %(practice_id)s and restriction.ended_at = 'infinity'
order by identity.record_number;

-- name: restrict
-- No row comes back where one holds already.
insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)
values (%(practice_id)s, %(patient_id)s, %(at)s, %(reason)s, %(by)s)
on conflict do nothing
returning patient_id;

-- name: end_restriction
-- Ends the one that holds.
update ingest.restriction set ended_at = %(at)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and ended_at = 'infinity' and restricted_at < %(at)s
returning patient_id;

-- name: care_team
-- Who belongs to it now.
select member.staff_id, staff.display_name, staff.role, member.joined_at
from ingest.care_team_member member
join ingest.staff using (practice_id, staff_id)
where member.practice_id = %(practice_id)s and member.patient_id = %(patient_id)s and member.left_at = 'infinity'
order by staff.display_name, member.staff_id;

-- name: clinical_staff
-- Who can belong to a care team.
select staff_id, display_name, role
from ingest.staff
where practice_id = %(practice_id)s and role in ('care_manager', 'clinician') and disabled_at is null
order by display_name, staff_id;

-- name: join_care_team
-- Only clinical staff of the practice, and nobody twice.
insert into ingest.care_team_member (practice_id, patient_id, staff_id, joined_at, added_by)
select practice_id, %(patient_id)s, staff_id, %(at)s, %(by)s
from ingest.staff
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and role in ('care_manager', 'clinician')
  and disabled_at is null
  and not exists (
      select from ingest.care_team_member member
      where member.practice_id = staff.practice_id and member.patient_id = %(patient_id)s
        and member.staff_id = staff.staff_id and member.left_at = 'infinity')
on conflict do nothing
returning staff_id;

-- name: leave_care_team
-- A restricted patient keeps at least one member.
update ingest.care_team_member member set left_at = %(at)s
where member.practice_id = %(practice_id)s and member.patient_id = %(patient_id)s and member.staff_id = %(staff_id)s
  and member.left_at = 'infinity' and member.joined_at < %(at)s
  and (not exists (
          select from ingest.restriction
          where restriction.practice_id = member.practice_id and restriction.patient_id = member.patient_id
            and restriction.ended_at = 'infinity')
       or exists (
          select from ingest.care_team_member other
          where other.practice_id = member.practice_id and other.patient_id = member.patient_id
            and other.staff_id <> member.staff_id and other.left_at = 'infinity'))
returning member.staff_id;

-- name: count_sole_care
-- Restricted patients who would have nobody without this person: no other member of their care team has an open account.
select count(*)
from ingest.restriction
join ingest.care_team_member member using (practice_id, patient_id)
where restriction.practice_id = %(practice_id)s and restriction.ended_at = 'infinity'
  and member.staff_id = %(staff_id)s and member.left_at = 'infinity'
  and not exists (
      select from ingest.care_team_member other
      join ingest.staff using (practice_id, staff_id)
      where other.practice_id = member.practice_id and other.patient_id = member.patient_id
        and other.staff_id <> member.staff_id and other.left_at = 'infinity' and staff.disabled_at is null);

-- name: grant_emergency_access
-- Only to a patient whom a restriction hides from the member of staff in force.
insert into ingest.break_glass
    (practice_id, patient_id, staff_id, reason, explanation, granted_at, expires_at, review_due_at)
select %(practice_id)s, %(patient_id)s, %(staff_id)s, %(reason)s, %(explanation)s, %(at)s, %(expires_at)s,
       %(review_due_at)s
where %(patient_id)s::uuid = any (ingest.hidden_patients())
returning grant_id, patient_id, staff_id, granted_at, expires_at;

-- name: grants_in_force
-- Whom a member of staff sees only because of emergency access, one grant for each: the one that lasts longest.
select distinct on (granted.patient_id)
       granted.grant_id, granted.patient_id, granted.staff_id, granted.granted_at, granted.expires_at
from ingest.break_glass granted
join ingest.restriction using (practice_id, patient_id)
where granted.practice_id = %(practice_id)s and granted.staff_id = %(staff_id)s and granted.expires_at > %(at)s
  and restriction.ended_at = 'infinity'
  and not exists (
      select from ingest.care_team_member member
      where member.practice_id = granted.practice_id and member.patient_id = granted.patient_id
        and member.staff_id = granted.staff_id and member.left_at = 'infinity')
order by granted.patient_id, granted.expires_at desc;

-- name: emergency_accesses
-- What has to be reviewed first, what is due first; then what was reviewed, newest first.
select granted.grant_id, granted.patient_id, identity.record_number, granted.staff_id, staff.display_name as staff_name,
       granted.reason, granted.explanation, granted.granted_at, granted.expires_at, granted.review_due_at,
       granted.reviewed_at, reviewer.display_name as reviewed_by_name, granted.verdict, granted.review_note
from ingest.break_glass granted
join ingest.staff using (practice_id, staff_id)
left join ingest.staff reviewer
    on reviewer.practice_id = granted.practice_id and reviewer.staff_id = granted.reviewed_by
join ingest.identities(%(practice_id)s, (
        select array_agg(distinct patient_id) from ingest.break_glass where practice_id = %(practice_id)s)) identity
    on identity.patient_id = granted.patient_id
where granted.practice_id = %(practice_id)s
order by granted.reviewed_at is not null, granted.reviewed_at desc, granted.review_due_at, granted.grant_id
limit %(limit)s;

-- name: count_unreviewed
-- How many wait for a review, and how many of them longer than they should.
select count(*), count(*) filter (where review_due_at < %(at)s)
from ingest.break_glass
where practice_id = %(practice_id)s and reviewed_at is null;

-- name: review_emergency_access
-- Once, and never one's own.
update ingest.break_glass
set reviewed_at = %(at)s, reviewed_by = %(by)s, verdict = %(verdict)s, review_note = %(note)s
where practice_id = %(practice_id)s and grant_id = %(grant_id)s and reviewed_at is null and staff_id <> %(by)s
returning patient_id;
