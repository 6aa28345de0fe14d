-- Statements about who is on the way into a program. Role: homevitals_console.

-- name: counts
-- How many there are in each state.
select state, count(*)
from ccm.enrolment
join ingest.patient using (practice_id, patient_id)
where enrolment.practice_id = %(practice_id)s and (%(program)s::text is null or program = %(program)s)
  and (state = 'closed' or patient.standing = 'active')
group by state;

-- name: open
-- A page of those in one state. It is chosen before anything else is looked up for it.
with page as materialized (
    select enrolment.*, patient.display_name as patient_name, patient.record_number,
           (select max(at) from ccm.enrolment_event event
            where event.practice_id = enrolment.practice_id and event.enrolment_id = enrolment.enrolment_id
              and event.to_state = enrolment.state and event.from_state is distinct from event.to_state) as since
    from ccm.enrolment
    join ingest.patient using (practice_id, patient_id)
    where enrolment.practice_id = %(practice_id)s and state = %(state)s
      and (%(program)s::text is null or program = %(program)s) and patient.standing = 'active'
    order by next_try_at nulls last, since, enrolment_id
    limit %(limit)s offset %(offset)s
)
select page.enrolment_id, page.patient_id, page.patient_name, page.record_number, page.program, page.state,
       coalesce(page.since, page.opened_at) as since, page.next_try_at, coalesce(tried.attempts, 0)::integer as attempts,
       tried.last_outcome, biller.display_name as practitioner_name, manager.display_name as care_manager_name,
       page.consent_documented_at is not null and not exists (
           select from ccm.consent
           where consent.practice_id = page.practice_id and consent.enrolment_id = page.enrolment_id
             and consent.superseded_at is null and consent.revoked_at is null) as needs_consent,
       page.close_reason, nullif(page.ended_at, 'infinity') as ended_at
from page
left join lateral (
    select count(*) as attempts, (array_agg(outcome order by tried_at desc, recorded_at desc))[1] as last_outcome
    from ccm.outreach
    where outreach.practice_id = page.practice_id and outreach.enrolment_id = page.enrolment_id
) tried on true
left join ccm.enrolment_practitioner practitioner
    on practitioner.practice_id = page.practice_id and practitioner.enrolment_id = page.enrolment_id
   and practitioner.until_at = 'infinity'
left join ingest.staff biller on biller.practice_id = page.practice_id and biller.staff_id = practitioner.staff_id
left join ccm.team_member member
    on member.practice_id = page.practice_id and member.patient_id = page.patient_id and member.role = 'care_manager'
   and member.until_at = 'infinity'
left join ingest.staff manager on manager.practice_id = page.practice_id and manager.staff_id = member.staff_id
order by page.next_try_at nulls last, page.since, page.enrolment_id;

-- name: closed
-- A page of those that were closed, the last first.
select enrolment.enrolment_id, enrolment.patient_id, patient.display_name as patient_name, patient.record_number,
       enrolment.program, enrolment.state, enrolment.ended_at as since, enrolment.next_try_at, 0 as attempts,
       null::text as last_outcome, null::text as practitioner_name, null::text as care_manager_name,
       false as needs_consent, enrolment.close_reason, enrolment.ended_at
from ccm.enrolment
join ingest.patient using (practice_id, patient_id)
where enrolment.practice_id = %(practice_id)s and state = %(state)s
  and (%(program)s::text is null or program = %(program)s)
order by enrolment.ended_at desc, enrolment.enrolment_id
limit %(limit)s offset %(offset)s;
