-- Statements from a claimed unit down to the readings behind it, and back. Role: homevitals_console.

-- name: claim
-- One claim with whose it is.
select claim.claim_id, claim.claim_number, claim.patient_id, claim.month_on, claim.state, claim.payer,
       practitioner.display_name as practitioner_name, claim.tables
from ccm.claim
left join ingest.staff practitioner
    on practitioner.practice_id = claim.practice_id and practitioner.staff_id = claim.practitioner_id
where claim.practice_id = %(practice_id)s and claim.claim_id = %(claim_id)s;

-- name: lines
-- The lines of a claim, in its order.
select line_number, program, code, units, service_on, first_on, last_on, coalesce(rules, '[]') as rules
from ccm.claim_line
where practice_id = %(practice_id)s and claim_id = %(claim_id)s
order by line_number;

-- name: shares
-- The spans of time entries that units rest on, with who worked and the task that it was for.
select share.line_number, share.unit_number, share.entry_id, share.from_at, share.until_at, staff.display_name as staff_name,
       entry.credential, entry.activity, entry.entered, entry.voided_at, entry.task_id, task.title as task_title,
       task.episode_id
from ccm.claim_share share
join ccm.time_entry entry using (practice_id, entry_id)
join ingest.staff on staff.practice_id = entry.practice_id and staff.staff_id = entry.staff_id
left join ccm.task on task.practice_id = entry.practice_id and task.task_id = entry.task_id
where share.practice_id = %(practice_id)s and share.claim_id = %(claim_id)s
order by share.line_number, share.unit_number, share.from_at, share.entry_id;

-- name: days
-- The days that lines rest on, each with its readings.
select line_number, day, reading_ids
from ccm.claim_day
where practice_id = %(practice_id)s and claim_id = %(claim_id)s
order by line_number, day;

-- name: breaches_of_episodes
-- The readings that opened or went on with alert episodes, in the words that the rule left.
select event.episode_id, event.reading_id, event.measured_at, event.note as sentence
from alerts.episode_event event
where event.practice_id = %(practice_id)s and event.episode_id = any (%(episode_ids)s) and event.reading_id is not null
  and event.event in ('opened', 'breached_again', 'breached_late', 'returned', 'escalated')
order by event.episode_id, event.measured_at, event.reading_id;

-- name: claims_of_reading
-- Lines that count a day by a reading, or seconds of a task that it led to. Days are found by the patient's own, a day to each
-- side, for a reading is of the day that the patient's clocks showed.
select claim.claim_id, claim.claim_number, claim.state, line.code, 'day' as through
from ccm.claim_day
join ccm.claim_line line using (practice_id, claim_id, line_number)
join ccm.claim using (practice_id, claim_id)
where claim_day.practice_id = %(practice_id)s and claim_day.patient_id = %(patient_id)s
  and claim_day.day between %(measured_on)s::date - 1 and %(measured_on)s::date + 1
  and %(reading_id)s = any (claim_day.reading_ids) and line.is_live
union
select claim.claim_id, claim.claim_number, claim.state, line.code, 'time'
from alerts.episode_event event
join ccm.task using (practice_id, episode_id)
join ccm.time_entry entry using (practice_id, task_id)
join ccm.claim_share share using (practice_id, entry_id)
join ccm.claim_line line using (practice_id, claim_id, line_number)
join ccm.claim using (practice_id, claim_id)
where event.practice_id = %(practice_id)s and event.reading_id = %(reading_id)s and line.is_live
order by claim_number, code, through;

-- name: claims_of_task
-- Lines that count seconds of a task.
select distinct claim.claim_id, claim.claim_number, claim.state, line.code, 'time' as through
from ccm.time_entry entry
join ccm.claim_share share using (practice_id, entry_id)
join ccm.claim_line line using (practice_id, claim_id, line_number)
join ccm.claim using (practice_id, claim_id)
where entry.practice_id = %(practice_id)s and entry.task_id = %(task_id)s and line.is_live
order by claim_number, code;
