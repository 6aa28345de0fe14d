-- The work of a practice's month as billing asks for it, of many patients at once. Role: homevitals_console.
--
-- No entry lasts longer than 8 hours: that bounds the range that the indexes have to read. An amended entry is looked for
-- by its own span too, for an amendment may have moved it into the month.

-- name: worked
-- Every entry of the patients that touches the span, as it counts, voided and waiting ones too; refused ones count for nothing.
-- Of the programs counted by blocks of days also what lies before, as far as a block of the month can reach back, with what
-- claims the same seconds for another program.
with amended as (
    select amendment.entry_id from ccm.time_amendment amendment
    where amendment.practice_id = %(practice_id)s and amendment.patient_id = any (%(patient_ids)s)
), found as (
    select entry.* from ccm.counted_entry entry
    where entry.practice_id = %(practice_id)s and entry.patient_id = any (%(patient_ids)s)
      and entry.entry_id in (
          select own.entry_id from ccm.time_entry own
          where own.practice_id = %(practice_id)s and own.patient_id = any (%(patient_ids)s)
            and own.started_at >= %(blocks_from_at)s - interval '8 hours' and own.started_at < %(until_at)s
          union all
          select entry_id from amended)
      and entry.started_at < %(until_at)s and entry.ended_at > %(blocks_from_at)s
), of_blocks as materialized (
    select patient_id, started_at, ended_at from found where program = any (%(block_programs)s)
)
select patient_id, entry_id, staff_id, billing_role, program, activity, started_at, ended_at, method, counterpart, outcome,
       is_voided or is_refused as is_voided, is_approved or is_refused as is_approved
from found
where ended_at > %(from_at)s or program = any (%(block_programs)s)
   or exists (select from of_blocks
              where of_blocks.patient_id = found.patient_id and of_blocks.started_at < found.ended_at
                and of_blocks.ended_at > found.started_at)
order by patient_id, started_at, ended_at, entry_id;

-- name: elsewhere
-- What the same people worked for other patients in the same seconds, as far back as in the statement before. Entries of one
-- person never overlap, unless one was reported by another system or amended: only around these is it looked for, by the
-- indexes.
with own as materialized (
    select entry.* from ccm.counted_entry entry
    where entry.practice_id = %(practice_id)s and entry.patient_id = any (%(patient_ids)s)
      and not entry.is_voided and not entry.is_refused
      and entry.entry_id in (
          select one.entry_id from ccm.time_entry one
          where one.practice_id = %(practice_id)s and one.patient_id = any (%(patient_ids)s)
            and one.started_at >= %(blocks_from_at)s - interval '8 hours' and one.started_at < %(until_at)s
          union all
          select amendment.entry_id from ccm.time_amendment amendment
          where amendment.practice_id = %(practice_id)s and amendment.patient_id = any (%(patient_ids)s))
      and entry.started_at < %(until_at)s
      and (entry.ended_at > %(from_at)s
           or entry.program = any (%(block_programs)s) and entry.ended_at > %(blocks_from_at)s)
), amended as materialized (
    select entry.* from ccm.counted_entry entry
    where entry.practice_id = %(practice_id)s and entry.is_amended and not entry.is_voided and not entry.is_refused
      and entry.entry_id in (
          select amendment.entry_id from ccm.time_amendment amendment
          where amendment.practice_id = %(practice_id)s
            and amendment.started_at >= %(blocks_from_at)s - interval '8 hours' and amendment.started_at < %(until_at)s)
), near as (
    select own.patient_id, own.started_at, own.ended_at, other.entry_id
    from own
    join ccm.time_entry other on other.practice_id = own.practice_id and other.staff_id = own.staff_id
        and other.entered = 'external' and other.patient_id <> own.patient_id
        and other.started_at > own.started_at - interval '8 hours' and other.started_at < own.ended_at
    union
    select own.patient_id, own.started_at, own.ended_at, other.entry_id
    from own
    join ccm.time_entry other on other.practice_id = own.practice_id and other.staff_id = own.staff_id
        and other.patient_id <> own.patient_id
        and other.started_at > own.started_at - interval '8 hours' and other.started_at < own.ended_at
    where own.entered = 'external' or own.is_amended
    union
    select own.patient_id, own.started_at, own.ended_at, other.entry_id
    from own
    join amended other on other.staff_id = own.staff_id and other.patient_id <> own.patient_id
        and other.started_at < own.ended_at and other.ended_at > own.started_at
)
select distinct near.patient_id, other.entry_id, other.staff_id, other.started_at, other.ended_at
from near
join ccm.counted_entry other on other.practice_id = %(practice_id)s and other.entry_id = near.entry_id
where not other.is_voided and not other.is_refused
  and other.started_at < near.ended_at and other.ended_at > near.started_at
order by near.patient_id, other.started_at, other.entry_id;

-- name: decisions
-- What holds of what people decided about seconds of the patients, whichever of two patients' entries won.
select decision.patient_id, decision.rival_patient_id, decision.entry_id, decision.from_at, decision.until_at
from ccm.time_decision decision
where decision.practice_id = %(practice_id)s
  and (decision.patient_id = any (%(patient_ids)s) or decision.rival_patient_id = any (%(patient_ids)s))
  and decision.until_at > %(blocks_from_at)s and decision.from_at < %(until_at)s
  and not exists (
      select from ccm.time_decision later
      where later.practice_id = decision.practice_id and later.supersedes = decision.decision_id)
order by decision.decided_at, decision.decision_id;
