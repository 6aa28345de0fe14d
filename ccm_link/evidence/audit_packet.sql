-- Everything that a reviewer of one patient's month may ask for, as rows of JSON by section, in the order of "at".
-- A table's alias is never the name of a column of it, for that would be taken for the row.
-- Role: homevitals_console.

-- name: registers
-- What was recorded about the patient until the end of the month, and what was decided about that month later.
with month as (select ccm.month_span(%(practice_id)s, %(month_on)s) as span)
select section, content
from (
    select 'patient' as section, null::timestamptz as at, to_jsonb(patient) as content
    from ingest.patient where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'standing', recorded_at, to_jsonb(patient_standing)
    from ingest.patient_standing where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'coverage', recorded_at, to_jsonb(coverage)
    from ccm.coverage where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'condition', recorded_at, to_jsonb(condition)
    from ccm.condition, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and recorded_at < upper(span)
    union all
    select 'enrolment', enrolment.consent_documented_at, to_jsonb(enrolment)
    from ccm.enrolment where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'enrolment_event', happened.at, to_jsonb(happened)
    from ccm.enrolment_event happened where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'billing_practitioner', from_at, to_jsonb(enrolment_practitioner)
    from ccm.enrolment_practitioner where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'consent', documented_at, to_jsonb(consent)
    from ccm.consent where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'attestation', attested_at, to_jsonb(attestation)
    from ccm.attestation
    where practice_id = %(practice_id)s and coalesce(patient_id, %(patient_id)s) = %(patient_id)s
    union all
    select 'visit', recorded_at, to_jsonb(practitioner_visit)
    from ccm.practitioner_visit where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'billed_beside', recorded_at, to_jsonb(billed_beside)
    from ccm.billed_beside where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'team_member', from_at, to_jsonb(team_member)
    from ccm.team_member, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and from_at < upper(span) and until_at > lower(span)
    union all
    select 'care_plan', plan.signed_at, to_jsonb(plan)
    from ccm.care_plan plan, month
    where plan.practice_id = %(practice_id)s and plan.patient_id = %(patient_id)s and plan.signed_at < upper(span)
      and not exists (
          select from ccm.care_plan later
          where later.practice_id = plan.practice_id and later.patient_id = plan.patient_id and later.version > plan.version
            and later.signed_at <= lower(span))
    union all
    select 'care_plan_review', reviewed_at, to_jsonb(review)
    from ccm.care_plan_review review, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and reviewed_at < upper(span)
    union all
    select 'care_plan_share', shared_at, to_jsonb(share)
    from ccm.care_plan_share share, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and shared_at < upper(span)
    union all
    select 'medication_reconciliation', reconciled_at, to_jsonb(reconciliation)
    from ccm.medication_reconciliation reconciliation, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and reconciled_at < upper(span)
    union all
    select 'stay', admitted_at, to_jsonb(stay)
    from ccm.stay, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and tstzrange(admitted_at, discharged_at) && span
    union all
    select 'education', taught_at, to_jsonb(education)
    from ccm.education, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and taught_at < upper(span)
    union all
    select 'device_set_up', set_up_at, to_jsonb(device_set_up)
    from ccm.device_set_up, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and set_up_at < upper(span)
    union all
    select 'monitoring', recorded_at, to_jsonb(monitoring)
    from ccm.monitoring where practice_id = %(practice_id)s and patient_id = %(patient_id)s
    union all
    select 'practice_billing', recorded_at, to_jsonb(practice_billing)
    from ccm.practice_billing, month where practice_id = %(practice_id)s and from_on < upper(span)
    union all
    select 'settled_hold', at, to_jsonb(settled_hold)
    from ccm.settled_hold
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and month_on = %(month_on)s
    union all
    select 'claim', proposed_at, to_jsonb(claim)
    from ccm.claim where practice_id = %(practice_id)s and patient_id = %(patient_id)s and month_on = %(month_on)s
    union all
    select 'claim_line', proposed_at, to_jsonb(line)
    from ccm.claim_line line join ccm.claim using (practice_id, claim_id)
    where line.practice_id = %(practice_id)s and line.patient_id = %(patient_id)s and month_on = %(month_on)s
    union all
    select 'claim_share', share.from_at, to_jsonb(share)
    from ccm.claim_share share join ccm.claim using (practice_id, claim_id)
    where share.practice_id = %(practice_id)s and share.patient_id = %(patient_id)s and month_on = %(month_on)s
    union all
    select 'claim_day', claim_day.day, to_jsonb(claim_day)
    from ccm.claim_day join ccm.claim using (practice_id, claim_id)
    where claim_day.practice_id = %(practice_id)s and claim_day.patient_id = %(patient_id)s and month_on = %(month_on)s
    union all
    select 'claim_event', happened.at, to_jsonb(happened)
    from ccm.claim_event happened join ccm.claim using (practice_id, claim_id)
    where happened.practice_id = %(practice_id)s and happened.patient_id = %(patient_id)s and month_on = %(month_on)s
) found
order by section, at, content::text;

-- name: work
-- The month's time with all that was ever said about it, and its links in the practice's chain.
with month as (
    select ccm.month_span(%(practice_id)s, %(month_on)s) as span
), entry as (
    select time_entry.* from ccm.time_entry, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s
      and started_at < upper(span) and ended_at > lower(span)
), dropped as (
    select dropped_time.* from ccm.dropped_time, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and from_at < upper(span) and until_at > lower(span)
), amendment as (
    select amendment.* from ccm.time_amendment amendment join entry using (practice_id, entry_id)
), approval as (
    select approval.* from ccm.time_approval approval
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s
      and (entry_id in (select entry_id from entry) or amendment_id in (select amendment_id from amendment))
), decision as (
    select decision.* from ccm.time_decision decision
    where practice_id = %(practice_id)s
      and (entry_id in (select entry_id from entry) or rival_id in (select entry_id from entry))
), locked as (
    select month_lock.* from ccm.month_lock where practice_id = %(practice_id)s and month_on = %(month_on)s
), task as (
    select task.* from ccm.task, month
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s
      and (task_id in (select task_id from entry)
           or opened_at < upper(span) and coalesce(completed_at, 'infinity') >= lower(span))
), episode as (
    select episode.* from alerts.episode
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and episode_id in (select episode_id from task)
)
select section, content
from (
    select 'time_entry' as section, started_at as at, to_jsonb(entry) as content from entry
    union all
    select 'dropped_time', from_at, to_jsonb(dropped) from dropped
    union all
    select 'time_amendment', amended_at, to_jsonb(amendment) from amendment
    union all
    select 'time_approval', decided_at, to_jsonb(approval) from approval
    union all
    select 'time_decision', decided_at, to_jsonb(decision) from decision
    union all
    select 'month_lock', locked_at, to_jsonb(locked) from locked
    union all
    select 'time_link', linked_at, to_jsonb(link)
    from ccm.time_link link
    where practice_id = %(practice_id)s and subject_id in (
        select entry_id from entry union select dropped_id from dropped union select amendment_id from amendment
        union select approval_id from approval union select decision_id from decision union select lock_id from locked)
    union all
    select 'task', opened_at, to_jsonb(task) from task
    union all
    select 'task_event', happened.at, to_jsonb(happened) from ccm.task_event happened join task using (practice_id, task_id)
    union all
    select 'alert_episode', opened_at, to_jsonb(episode) from episode
    union all
    select 'alert_event', happened.at, to_jsonb(happened)
    from alerts.episode_event happened join episode using (practice_id, episode_id)
    union all
    select distinct 'rule', null::timestamptz, to_jsonb(rule)
    from alerts.rule join episode on rule.practice_id = episode.practice_id and rule.rule_id = episode.rule_id
                                  and rule.version = episode.rule_version
) found
order by section, at, content::text;

-- name: readings
-- The readings of the month, and of the 30 days before it, for blocks of days that end in it: as they count now, with bytes.
select to_jsonb(reading) as content
from ingest.reading
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
  and measured_at >= lower(ccm.month_span(%(practice_id)s, %(month_on)s)) - interval '31 days'
  and measured_at < upper(ccm.month_span(%(practice_id)s, %(month_on)s)) + interval '1 day'
order by measured_at, reading_id
limit %(limit)s;

-- name: people
-- Who the staff are whose ids stand in a packet, and what they were over time.
select to_jsonb(found) as content
from (
    select staff.staff_id, staff.display_name, staff.role,
           coalesce((select jsonb_agg(to_jsonb(held) - array['practice_id', 'staff_id'] order by from_at)
                     from ccm.staff_credential held
                     where held.practice_id = staff.practice_id and held.staff_id = staff.staff_id), '[]')
               as credentials
    from ingest.staff
    where staff.practice_id = %(practice_id)s and staff.staff_id = any (%(staff_ids)s)
) found
order by staff_id;
