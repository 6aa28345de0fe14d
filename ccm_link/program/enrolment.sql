-- Statements about who is in which program. Role: homevitals_console; homevitals_owner for what is set up from the command
-- line, and homevitals_alerts for is_in_care, inside the evaluator's transaction.

-- name: keep_standing
-- How the patient stands, and will until this transaction ends: whoever records a death meanwhile waits, and then closes
-- what was opened.
select standing from ingest.patient where practice_id = %(practice_id)s and patient_id = %(patient_id)s for share;

-- name: open_enrolment
-- No row comes back where the patient has an open one in the program.
insert into ccm.enrolment (practice_id, patient_id, program, state, opened_at, consent_documented_at)
values (%(practice_id)s, %(patient_id)s, %(program)s, %(state)s, %(opened_at)s, %(consent_documented_at)s)
on conflict do nothing
returning enrolment_id;

-- name: add_event
-- What happened, by whom and why.
insert into ccm.enrolment_event
    (practice_id, enrolment_id, patient_id, at, event, from_state, to_state, made_by, reason)
values
    (%(practice_id)s, %(enrolment_id)s, %(patient_id)s, %(at)s, %(event)s, %(from_state)s, %(to_state)s, %(made_by)s,
     %(reason)s);

-- name: take_step
-- From exactly the row that was looked at; a next attempt that was planned is for the state before.
update ccm.enrolment set
    state = %(to_state)s, row_version = row_version + 1, next_try_at = %(next_try_at)s,
    consent_documented_at = coalesce(consent_documented_at, %(consent_documented_at)s),
    ended_at = coalesce(%(ended_at)s, ended_at), close_reason = %(close_reason)s
where practice_id = %(practice_id)s and enrolment_id = %(enrolment_id)s and patient_id = %(patient_id)s
  and state = %(from_state)s and row_version = %(row_version)s
returning enrolment_id;

-- name: close_all
-- All that are open, each with its line; whoever is about to change one of them waits, and is refused then. An enrolment
-- cannot end before it began.
with held as (
    select enrolment_id, state as from_state from ccm.enrolment
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and state <> 'closed'
    for update
), closed as (
    update ccm.enrolment set
        state = 'closed', row_version = row_version + 1, next_try_at = null, close_reason = %(close_reason)s,
        ended_at = case when %(ended_at)s::timestamptz > coalesce(consent_documented_at, opened_at)
                        then %(ended_at)s
                        else greatest(%(at)s, opened_at, consent_documented_at + interval '1 microsecond') end
    from held
    where enrolment.practice_id = %(practice_id)s and enrolment.enrolment_id = held.enrolment_id
    returning enrolment.enrolment_id, held.from_state
)
insert into ccm.enrolment_event
    (practice_id, enrolment_id, patient_id, at, event, from_state, to_state, made_by, reason)
select %(practice_id)s, enrolment_id, %(patient_id)s, %(at)s, 'closed', from_state, 'closed', %(made_by)s, %(reason)s
from closed;

-- name: touch
-- Counts a change that is kept elsewhere, to exactly the open row that was looked at.
update ccm.enrolment set row_version = row_version + 1, next_try_at = %(next_try_at)s
where practice_id = %(practice_id)s and enrolment_id = %(enrolment_id)s and patient_id = %(patient_id)s
  and state <> 'closed' and row_version = %(row_version)s
returning enrolment_id;

-- name: enrolment
-- One, with who bills it now.
select enrolment.practice_id, enrolment.enrolment_id, enrolment.patient_id, program, state, opened_at,
       consent_documented_at, nullif(ended_at, 'infinity') as ended_at, next_try_at, close_reason, row_version,
       practitioner.staff_id as practitioner_id, staff.display_name as practitioner_name
from ccm.enrolment
left join ccm.enrolment_practitioner practitioner
    on practitioner.practice_id = enrolment.practice_id and practitioner.enrolment_id = enrolment.enrolment_id
   and practitioner.until_at = 'infinity'
left join ingest.staff on staff.practice_id = practitioner.practice_id and staff.staff_id = practitioner.staff_id
where enrolment.practice_id = %(practice_id)s and enrolment.patient_id = %(patient_id)s
  and enrolment.enrolment_id = %(enrolment_id)s;

-- name: of_patient
-- All of one patient, what is open first, then the newest; "infinity" becomes null, for Python has no such instant.
select enrolment.practice_id, enrolment.enrolment_id, enrolment.patient_id, program, state, opened_at,
       consent_documented_at, nullif(ended_at, 'infinity') as ended_at, next_try_at, close_reason, row_version,
       practitioner.staff_id as practitioner_id, staff.display_name as practitioner_name
from ccm.enrolment
left join ccm.enrolment_practitioner practitioner
    on practitioner.practice_id = enrolment.practice_id and practitioner.enrolment_id = enrolment.enrolment_id
   and practitioner.until_at = 'infinity'
left join ingest.staff on staff.practice_id = practitioner.practice_id and staff.staff_id = practitioner.staff_id
where enrolment.practice_id = %(practice_id)s and enrolment.patient_id = %(patient_id)s
order by enrolment.ended_at desc, program, opened_at desc, enrolment.enrolment_id;

-- name: events
-- What happened to a patient's enrolments, oldest first.
select enrolment_id, at, event, from_state, to_state, made_by, reason
from ccm.enrolment_event
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by event_no;

-- name: is_in_care
-- Whether the patient is in a program at an instant, whichever it is.
select exists (
    select from ccm.in_care
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s
      and from_at <= %(at)s and %(at)s < until_at
) as is_in_care;
