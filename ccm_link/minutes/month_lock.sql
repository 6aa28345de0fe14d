-- Statements about locked months. Role: homevitals_console.

-- name: take_turn
-- Whoever locks a month waits until nobody is adding or voiding, and nobody does until the lock is there.
select pg_advisory_xact_lock(hashtextextended('ccm.month/' || %(practice_id)s::text, 0));

-- name: lock_month
-- With the head of the time log's chain as it is now. No row comes back where the month is locked already.
insert into ccm.month_lock
    (practice_id, month_on, from_at, until_at, chain_position, chain_sha256, locked_by, locked_at)
select %(practice_id)s, %(month_on)s, %(from_at)s, %(until_at)s, coalesce(head.position, 0),
       encode(coalesce(head.chain_sha256, sha256(
           convert_to(E'homevitals time genesis v1\n' || %(practice_id)s::text, 'UTF8'))), 'hex'), %(locked_by)s, %(at)s
from (select) one
left join lateral (
    select position, chain_sha256 from ccm.time_link
    where practice_id = %(practice_id)s order by position desc limit 1
) head on true
on conflict (practice_id, month_on) do nothing
returning chain_position, chain_sha256;

-- name: locks
-- All of a practice, the newest month first.
select month_lock.practice_id, month_on, from_at, until_at, chain_position, chain_sha256, locked_at,
       staff.display_name as locked_by_name
from ccm.month_lock
join ingest.staff on staff.practice_id = month_lock.practice_id and staff.staff_id = month_lock.locked_by
where month_lock.practice_id = %(practice_id)s
order by month_on desc;

-- name: is_locked
-- Whether a span touches a locked month.
select exists (
    select from ccm.month_lock
    where practice_id = %(practice_id)s and from_at < %(until_at)s and %(from_at)s < until_at
) as is_locked;

-- name: left_open
-- What of a month nobody has finished: timers that ran in it, entries and amendments that wait for approval.
select (select count(*) from ccm.timer
        where practice_id = %(practice_id)s and started_at < %(until_at)s) as timers,
       (select count(*) from ccm.time_entry entry
        where entry.practice_id = %(practice_id)s and entry.needs_approval and entry.voided_at is null
          and entry.started_at < %(until_at)s and entry.ended_at > %(from_at)s
          and entry.started_at > %(from_at)s - interval '8 hours'
          and not exists (select from ccm.time_approval approval
                          where approval.practice_id = entry.practice_id and approval.entry_id = entry.entry_id)) as approvals;
