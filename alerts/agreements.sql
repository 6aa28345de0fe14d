-- Statements about agreed schedules. Roles: homevitals_console to set and end, homevitals_alerts to ask.

-- name: load
-- Versions that were in force after an instant: a practice's default and its patients', or the default and one patient's.
select patient_id, version, definition, in_force_from, nullif(in_force_until, 'infinity') as in_force_until, set_by, reason
from alerts.schedule
where practice_id = %(practice_id)s and in_force_until > %(after)s
  and (%(patient_id)s::uuid is null or patient_id is null or patient_id = %(patient_id)s)
order by patient_id, kind, in_force_from;

-- name: end
-- The open version, if it began before.
update alerts.schedule set in_force_until = %(at)s
where practice_id = %(practice_id)s and patient_id is not distinct from %(patient_id)s and kind = %(kind)s
  and in_force_until = 'infinity' and in_force_from < %(at)s
returning version;

-- name: add
-- The next version of the same schedule, or the first of a new one; the index one_schedule_in_force refuses it where
-- another version is open.
insert into alerts.schedule (practice_id, schedule_id, version, patient_id, kind, definition, in_force_from, set_by, reason)
select %(practice_id)s, coalesce(last.schedule_id, %(new_id)s), coalesce(last.version, 0) + 1, %(patient_id)s, %(kind)s,
       %(definition)s, %(at)s, %(set_by)s, %(reason)s
from (select) as one
left join lateral (
    select schedule_id, version from alerts.schedule
    where practice_id = %(practice_id)s and patient_id is not distinct from %(patient_id)s and kind = %(kind)s
    order by version desc limit 1) as last on true
returning version;
