-- Statements about quiet hours. Roles: homevitals_console to set, homevitals_alerts to ask.

-- name: load
-- Those in force at an instant.
select version, from_time, until_time, quiet_days, in_force_from, set_by, reason
from alerts.quiet_hours
where practice_id = %(practice_id)s and in_force_from <= %(at)s and %(at)s < in_force_until;

-- name: end
-- The open version, if it began before.
update alerts.quiet_hours set in_force_until = %(at)s
where practice_id = %(practice_id)s and in_force_until = 'infinity' and in_force_from < %(at)s
returning version;

-- name: add
-- The index quiet_hours_in_force refuses it where another version is open.
insert into alerts.quiet_hours (practice_id, version, from_time, until_time, quiet_days, in_force_from, set_by, reason)
select %(practice_id)s, coalesce(max(version), 0) + 1, %(from_time)s, %(until_time)s, %(quiet_days)s, %(at)s, %(set_by)s,
       %(reason)s
from alerts.quiet_hours where practice_id = %(practice_id)s
returning version;
