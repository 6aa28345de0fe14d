-- Statements that look at the practice's own claims as a regulator would, without the engine that proposed them.
-- Role: homevitals_console. Claims that were given up count nowhere; those not attested yet do, for then there is time.

-- name: monitored
-- Each patient for whom a program of monitoring is claimed with a service day in the span: which of its parts are claimed, and
-- what is known of the patient's visits and of other practices.
select line.patient_id, min(line.service_on) as first_on,
       bool_or(line.code = any (%(set_up_codes)s)) as has_set_up,
       bool_or(line.code = any (%(supply_codes)s)) as has_supply,
       bool_or(line.code = any (%(management_codes)s)) as has_management,
       exists (select from ccm.practitioner_visit visit
               where visit.practice_id = line.practice_id and visit.patient_id = line.patient_id
                 and visit.withdrawn_at is null and visit.visited_on < min(line.service_on)) as was_seen_before,
       exists (select from ccm.billed_beside beside
               where beside.practice_id = line.practice_id and beside.patient_id = line.patient_id
                 and beside.what = %(program)s and beside.by_whom = 'others' and beside.from_on < %(until_on)s
                 and coalesce(beside.until_on, 'infinity') >= greatest(beside.from_on, %(since_on)s)) as is_shared,
       (select max(supplies) from (
            select count(*) as supplies from ccm.claim_line supply
            where supply.practice_id = line.practice_id and supply.patient_id = line.patient_id and supply.is_live
              and supply.code = any (%(supply_codes)s) and supply.service_on >= %(since_on)s and supply.service_on < %(until_on)s
            group by date_trunc('month', supply.last_on::timestamp)) by_month) as most_supplies_a_month
from ccm.claim_line line
where line.practice_id = %(practice_id)s and line.is_live and line.program = %(program)s
  and line.service_on >= %(since_on)s and line.service_on < %(until_on)s
group by line.practice_id, line.patient_id;

-- name: begun_by_month
-- How many patients' first episode of monitoring began in each calendar month.
select date_trunc('month', first_on::timestamp)::date as month_on, count(*) as patients
from (
    select min(started_on) as first_on from ccm.monitoring
    where practice_id = %(practice_id)s and program = %(program)s
    group by patient_id
) begun
where first_on >= %(since_on)s and first_on < %(until_on)s
group by 1
order by 1;

-- name: claimed_twice
-- Lines that claim a code again for a period that another line of the patient claims in part; of a set-up, of any period; of
-- days with readings, by whichever code.
select line.claim_id, line.patient_id, line.code, line.last_on
from ccm.claim_line line
where line.practice_id = %(practice_id)s and line.is_live and line.service_on >= %(since_on)s and line.service_on < %(until_on)s
  and exists (
      select from ccm.claim_line other
      where other.practice_id = line.practice_id and other.patient_id = line.patient_id
        and (other.code = line.code or line.code = any (%(supply_codes)s) and other.code = any (%(supply_codes)s))
        and other.is_live and (other.claim_id, other.line_number) <> (line.claim_id, line.line_number)
        and (other.last_on, other.claim_id) < (line.last_on, line.claim_id)
        and (line.code = any (%(set_up_codes)s) or other.last_on >= line.first_on))
order by line.last_on, line.code, line.claim_id
limit %(limit)s;

-- name: second_claimed_twice
-- Shares of time that overlap another claimed share of the same patient, or of the same person for anybody. Each pair once.
with share as (
    select share.claim_id, share.patient_id, share.entry_id, entry.staff_id, share.from_at, share.until_at
    from ccm.claim_share share
    join ccm.claim_line line using (practice_id, claim_id, line_number)
    join ccm.time_entry entry using (practice_id, entry_id)
    where share.practice_id = %(practice_id)s and line.is_live
      and share.from_at >= %(since_at)s and share.from_at < %(until_at)s
), watched as (
    -- Whoever overlaps anything overlaps one that began before: the latest end so far is enough to find all.
    select *, max(until_at) over (partition by patient_id order by from_at, until_at, entry_id
                                  rows between unbounded preceding and 1 preceding) as patient_taken_until,
           max(until_at) over (partition by staff_id order by from_at, until_at, entry_id
                               rows between unbounded preceding and 1 preceding) as person_taken_until
    from share
)
select claim_id, patient_id, entry_id, from_at, until_at
from watched
where from_at < patient_taken_until or from_at < person_taken_until
order by from_at, entry_id
limit %(limit)s;

-- name: claimed_without_ground
-- Claimed seconds that should not count: of an entry voided since, before any consent of the patient to the program, or when
-- the patient was not in care.
select share.claim_id, share.patient_id, share.entry_id, share.from_at, share.until_at,
       case when entry.voided_at is not null then 'voided'
            when coalesce(inactive.spans, '{}') && tstzrange(share.from_at, share.until_at) then 'not_in_care'
            else 'before_consent' end as why
from ccm.claim_share share
join ccm.claim_line line using (practice_id, claim_id, line_number)
join ccm.time_entry entry using (practice_id, entry_id)
left join ingest.inactive_time inactive
    on inactive.practice_id = share.practice_id and inactive.patient_id = share.patient_id
where share.practice_id = %(practice_id)s and line.is_live
  and share.from_at >= %(since_at)s and share.from_at < %(until_at)s
  and (entry.voided_at is not null
       or coalesce(inactive.spans, '{}') && tstzrange(share.from_at, share.until_at)
       or not exists (
           select from ccm.consent
           join ccm.enrolment using (practice_id, enrolment_id)
           where consent.practice_id = share.practice_id and consent.patient_id = share.patient_id
             and enrolment.program = line.program and consent.documented_at <= share.from_at))
order by share.from_at, share.entry_id
limit %(limit)s;

-- name: long_days
-- Days of a person, by the practice's clocks, with more time logged than a day of work has; an entry is of the day it began on.
select staff.display_name as staff_name, (entry.started_at at time zone practice.time_zone)::date as day,
       sum(extract(epoch from entry.ended_at - entry.started_at))::bigint as seconds
from ccm.time_entry entry
join ingest.practice using (practice_id)
join ingest.staff on staff.practice_id = entry.practice_id and staff.staff_id = entry.staff_id
where entry.practice_id = %(practice_id)s and entry.voided_at is null
  and entry.started_at >= %(since_at)s and entry.started_at < %(until_at)s
group by entry.staff_id, staff.display_name, 2
having sum(extract(epoch from entry.ended_at - entry.started_at)) > %(longest_s)s
order by seconds desc, day
limit %(limit)s;

-- name: round_entries
-- People whose entries by hand are mostly a whole multiple of five minutes long.
select staff.display_name as staff_name, count(*) as of,
       count(*) filter (where extract(epoch from entry.ended_at - entry.started_at)::bigint %% 300 = 0) as entries
from ccm.time_entry entry
join ingest.staff on staff.practice_id = entry.practice_id and staff.staff_id = entry.staff_id
where entry.practice_id = %(practice_id)s and entry.voided_at is null and entry.entered = 'by_hand'
  and entry.started_at >= %(since_at)s and entry.started_at < %(until_at)s
group by entry.staff_id, staff.display_name
having count(*) >= %(fewest)s
   and count(*) filter (where extract(epoch from entry.ended_at - entry.started_at)::bigint %% 300 = 0) * 100
       >= %(round_percent)s * count(*)
order by staff.display_name, entry.staff_id;

-- name: same_notes
-- Notes that stand word for word in entries for several patients; the note itself stays in the log.
select staff.display_name as staff_name, count(*) as entries, count(distinct entry.patient_id) as patients
from ccm.time_entry entry
join ingest.staff on staff.practice_id = entry.practice_id and staff.staff_id = entry.staff_id
where entry.practice_id = %(practice_id)s and entry.voided_at is null and length(entry.note) >= %(shortest)s
  and entry.started_at >= %(since_at)s and entry.started_at < %(until_at)s
group by entry.staff_id, staff.display_name, sha256(convert_to(lower(entry.note), 'UTF8'))
having count(distinct entry.patient_id) >= %(fewest)s
order by entries desc, staff.display_name
limit %(limit)s;
