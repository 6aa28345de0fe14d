-- Statements about whom a practice has called: ladders, shifts, addresses. Roles: homevitals_console for the pages,
-- homevitals_notifier for calling.

-- name: load_ladders
-- The version of each severity that counts, and since when there has been one with rungs.
select distinct on (severity) severity, version, rungs, set_by, set_at, reason,
       (select coalesce(min(earlier.set_at), ladder.set_at) from alerts.ladder earlier
        where earlier.practice_id = ladder.practice_id and earlier.severity = ladder.severity
          and earlier.version > (select coalesce(max(none.version), 0) from alerts.ladder none
                                 where none.practice_id = ladder.practice_id and none.severity = ladder.severity
                                   and none.rungs = '[]')) as since
from alerts.ladder
where practice_id = %(practice_id)s
order by severity, version desc;

-- name: insert_ladder
-- The primary key refuses it where somebody else was quicker.
insert into alerts.ladder (practice_id, severity, version, rungs, set_by, set_at, reason)
values (%(practice_id)s, %(severity)s, %(version)s, %(rungs)s, %(set_by)s, %(at)s, %(reason)s);

-- name: look_at_all
-- After a ladder has changed: whoever waits is looked at again.
update alerts.climb set look_at = '-infinity' where practice_id = %(practice_id)s;

-- name: load_shifts
-- The single shifts that are not over at an instant.
select shift_id, duty, staff_id, starts_at, ends_at
from alerts.shift
where practice_id = %(practice_id)s and cancelled_at is null and ends_at > %(since)s
order by starts_at, shift_id;

-- name: load_weekly_shifts
-- Those that are not cancelled; the last one of one that has an end may be over.
select shift_id, duty, staff_id, first_on, starts, days_later, ends, every_weeks, last_on
from alerts.weekly_shift
where practice_id = %(practice_id)s and cancelled_at is null
order by duty, first_on, shift_id;

-- name: insert_shift
-- One person from an instant to another.
insert into alerts.shift (practice_id, duty, staff_id, starts_at, ends_at, added_by, added_at)
values (%(practice_id)s, %(duty)s, %(staff_id)s, %(starts_at)s, %(ends_at)s, %(added_by)s, %(at)s)
returning shift_id;

-- name: insert_weekly_shift
-- One person every so many weeks.
insert into alerts.weekly_shift
    (practice_id, duty, staff_id, first_on, starts, days_later, ends, every_weeks, last_on, added_by, added_at)
values
    (%(practice_id)s, %(duty)s, %(staff_id)s, %(first_on)s, %(starts)s, %(days_later)s, %(ends)s, %(every_weeks)s,
     %(last_on)s, %(added_by)s, %(at)s)
returning shift_id;

-- name: cancel_shift
-- Only one that holds; it stays as history.
update alerts.shift set cancelled_at = %(at)s, cancelled_by = %(by)s
where practice_id = %(practice_id)s and shift_id = %(shift_id)s and cancelled_at is null
returning shift_id;

-- name: cancel_weekly_shift
-- Likewise.
update alerts.weekly_shift set cancelled_at = %(at)s, cancelled_by = %(by)s
where practice_id = %(practice_id)s and shift_id = %(shift_id)s and cancelled_at is null
returning shift_id;

-- name: load_contacts
-- The addresses that hold.
select contact_id, staff_id, channel, address
from alerts.contact
where practice_id = %(practice_id)s and ended_at = 'infinity'
order by channel, address, contact_id;

-- name: insert_contact
-- The index one_such_contact refuses the same one twice.
insert into alerts.contact (practice_id, staff_id, channel, address, added_by, added_at)
values (%(practice_id)s, %(staff_id)s, %(channel)s, %(address)s, %(added_by)s, %(at)s)
returning contact_id;

-- name: end_contact
-- Only one that holds; what was sent there stays as history.
update alerts.contact set ended_at = %(at)s, ended_by = %(by)s
where practice_id = %(practice_id)s and contact_id = %(contact_id)s and ended_at = 'infinity'
returning contact_id;

-- name: load_active_staff
-- Whose accounts are open.
select staff_id from ingest.staff where practice_id = %(practice_id)s and disabled_at is null;

-- name: load_zone
-- By whose clocks the weekly shifts are told.
select time_zone from ingest.practice where practice_id = %(practice_id)s;
