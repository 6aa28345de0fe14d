-- Statements about seconds that two entries claim, and what people decide. Role: homevitals_console.

-- name: claims
-- Pairs of entries of a month that share seconds and may not both count: of one patient for two programs, or of one person
-- for two patients. Each pair once, the one that began first in front. Nearly nobody overlaps: who does is found by looking
-- along each person's and each patient's entries once.
with counted as materialized (
    select entry.* from ccm.counted_entry entry
    where entry.practice_id = %(practice_id)s and not entry.is_voided and not entry.is_refused
      and entry.entry_id in (
          select own.entry_id from ccm.time_entry own
          where own.practice_id = %(practice_id)s and own.started_at >= %(from_at)s - interval '8 hours'
            and own.started_at < %(until_at)s
          union all
          select amendment.entry_id from ccm.time_amendment amendment
          where amendment.practice_id = %(practice_id)s
            and amendment.started_at >= %(from_at)s - interval '8 hours' and amendment.started_at < %(until_at)s)
      and entry.started_at < %(until_at)s and entry.ended_at > %(from_at)s
), late as (
    select found.*
    from (
        select counted.*,
               max(ended_at) over (partition by patient_id order by started_at, entry_id
                                   rows between unbounded preceding and 1 preceding) as patient_until,
               max(ended_at) over (partition by staff_id order by started_at, entry_id
                                   rows between unbounded preceding and 1 preceding) as person_until
        from counted
    ) found
    where started_at < patient_until or started_at < person_until
)
select former.entry_id as former_id, late.entry_id as later_id,
       case when former.patient_id = late.patient_id then 'two_programs' else 'two_patients' end as kind,
       late.started_at as from_at, least(former.ended_at, late.ended_at) as until_at
from late
join counted former on (former.started_at, former.entry_id) < (late.started_at, late.entry_id)
    and former.ended_at > late.started_at
    and (former.patient_id = late.patient_id and former.program <> late.program
         or former.staff_id = late.staff_id and former.patient_id <> late.patient_id)
order by late.started_at, former.entry_id, late.entry_id;

-- name: in_force
-- What holds about pairs of entries.
select decision.decision_id, decision.entry_id, decision.rival_id, decision.from_at, decision.until_at, decision.reason,
       staff.display_name as decided_by_name, decision.decided_at
from ccm.time_decision decision
join ingest.staff on staff.practice_id = decision.practice_id and staff.staff_id = decision.decided_by
where decision.practice_id = %(practice_id)s
  and (decision.entry_id = any (%(entry_ids)s) or decision.rival_id = any (%(entry_ids)s))
  and not exists (
      select from ccm.time_decision later
      where later.practice_id = decision.practice_id and later.supersedes = decision.decision_id)
order by decision.decided_at, decision.decision_id;

-- name: decide
-- The entry that counts and the one that does not; patients as the entries have them.
insert into ccm.time_decision
    (practice_id, entry_id, patient_id, rival_id, rival_patient_id, from_at, until_at, reason, decided_by, decided_at,
     supersedes)
select one.practice_id, one.entry_id, one.patient_id, other.entry_id, other.patient_id, %(from_at)s, %(until_at)s,
       %(reason)s, %(decided_by)s, %(at)s, %(supersedes)s
from ccm.time_entry one
join ccm.time_entry other on other.practice_id = one.practice_id and other.entry_id = %(rival_id)s
where one.practice_id = %(practice_id)s and one.entry_id = %(entry_id)s
returning decision_id;
