-- Questions to the audit trail: of the auditor, of the patient (“who looked?”), and of the export.

-- name: page
-- Events of a practice, newest first, behind a key; with the name of who did it as it is today, and the place in the chain.
select event.practice_id, event.event_id, event.at, event.kind, event.action, event.outcome, event.agent_kind,
       event.agent_id, event.agent_role, event.network, event.session, event.purpose, event.patient_ids, event.resource,
       event.resource_id, event.detail, coalesce(staff.display_name, person.display_name, '') as agent_name, link.position
from ingest.audit_event event
left join ingest.audit_link link on link.practice_id = event.practice_id and link.event_id = event.event_id
left join ingest.staff staff on staff.practice_id = event.practice_id and event.agent_kind = 'staff'
    and staff.staff_id::text = event.agent_id
left join ingest.home_person person on person.practice_id = event.practice_id and event.agent_kind = 'home_person'
    and person.person_id::text = event.agent_id
where event.practice_id = %(practice_id)s and event.at >= %(from_at)s and event.at < %(until_at)s
  and (%(patient_id)s::uuid is null or event.patient_ids @> array[%(patient_id)s::uuid])
  and (%(staff_id)s::text is null or (event.agent_kind = 'staff' and event.agent_id = %(staff_id)s))
  and (%(kinds)s::text[] is null or event.kind = any (%(kinds)s))
  and (%(before_at)s::timestamptz is null or (event.at, event.event_id) < (%(before_at)s, %(before_id)s::uuid))
order by event.at desc, event.event_id desc
limit %(limit)s;

-- name: who_looked
-- What was done with one patient's data, newest first: nothing of other patients that the same event tells about.
select event.event_id, event.at, event.kind, event.action, event.outcome, event.agent_kind, event.agent_id,
       event.agent_role, event.purpose, event.resource,
       coalesce(staff.display_name, person.display_name, '') as agent_name
from ingest.audit_event event
left join ingest.staff staff on staff.practice_id = event.practice_id and event.agent_kind = 'staff'
    and staff.staff_id::text = event.agent_id
left join ingest.home_person person on person.practice_id = event.practice_id and event.agent_kind = 'home_person'
    and person.person_id::text = event.agent_id
where event.practice_id = %(practice_id)s and event.patient_ids @> array[%(patient_id)s::uuid]
  and event.at >= %(from_at)s and event.at < %(until_at)s
  and (%(before_at)s::timestamptz is null or (event.at, event.event_id) < (%(before_at)s, %(before_id)s::uuid))
order by event.at desc, event.event_id desc
limit %(limit)s;

-- name: practice_by_slug
-- The practice that is called so.
select practice_id from ingest.practice where slug = %(slug)s;

-- name: in_order
-- Events of a practice, oldest first, for an export.
select event.practice_id, event.event_id, event.at, event.kind, event.action, event.outcome, event.agent_kind,
       event.agent_id, event.agent_role, event.network, event.session, event.purpose, event.patient_ids, event.resource,
       event.resource_id, event.detail
from ingest.audit_event event
where event.practice_id = %(practice_id)s and event.at >= %(from_at)s and event.at < %(until_at)s
order by event.at, event.event_id;
