-- Statements of attribution: readings follow the assignments of their peripheral. All in the role homevitals_ingest.

-- name: take_work
-- Locks the oldest work that is due and that no other worker holds. The assignments as they are now come of the slot's
-- newest change, whoever made the one that left this work.
select queue_id, practice_id, peripheral_id, user_slot, from_at, after_id, nullif(until_at, 'infinity') as until_at,
       (select newest.made_by from ingest.attribution_work newest
        where newest.practice_id = work.practice_id and newest.peripheral_id = work.peripheral_id
          and newest.user_slot is not distinct from work.user_slot
        order by newest.queue_id desc limit 1) as made_by,
       attempts
from ingest.attribution_work work
where due_at <= %(at)s
order by due_at, queue_id
limit 1
for update skip locked;

-- name: lock_peripheral
-- Lets workers follow one peripheral one after the other, until the transaction ends: who comes second reads the assignments
-- and the readings that the first has left.
select pg_advisory_xact_lock(hashtextextended('ingest.attribution/' || %(peripheral_id)s::text, 0));

-- name: assignments_in_force
-- Of one peripheral, those that count.
select a.user_slot, a.patient_id, a.valid_from, nullif(a.valid_until, 'infinity') as valid_until, patient.time_zone
from ingest.assignment a
join ingest.patient using (practice_id, patient_id)
where a.practice_id = %(practice_id)s and a.peripheral_id = %(peripheral_id)s and a.voided_at is null;

-- name: readings_of_slot
-- A slot's readings behind the last one looked at, oldest first. They are nobody's, or of somebody who ever had the
-- peripheral: so two indexes find them that are there anyway, and storing readings pays for no third one.
select * from (
    (select * from ingest.reading r
     where r.practice_id = %(practice_id)s and r.patient_id is null and r.peripheral_id = %(peripheral_id)s
       and r.user_slot is not distinct from %(user_slot)s::smallint
       and r.measured_at >= %(from_at)s and r.measured_at < coalesce(%(until_at)s::timestamptz, 'infinity')
       and (r.measured_at, r.reading_id) > (%(from_at)s, %(after_id)s)
     order by r.measured_at, r.reading_id
     limit %(limit)s)
    union all
    (select * from ingest.reading r
     where r.practice_id = %(practice_id)s
       and r.patient_id = any (array(
           select a.patient_id from ingest.assignment a
           where a.practice_id = %(practice_id)s and a.peripheral_id = %(peripheral_id)s))
       and r.kind = any (%(kinds)s) and r.peripheral_id = %(peripheral_id)s
       and r.user_slot is not distinct from %(user_slot)s::smallint
       and r.measured_at >= %(from_at)s and r.measured_at < coalesce(%(until_at)s::timestamptz, 'infinity')
       and (r.measured_at, r.reading_id) > (%(from_at)s, %(after_id)s)
     order by r.measured_at, r.reading_id
     limit %(limit)s)
) as slots_readings
order by measured_at, reading_id
limit %(limit)s;

-- name: move_on
-- More readings may stand behind this one.
update ingest.attribution_work set from_at = %(from_at)s, after_id = %(after_id)s, attempts = 0
where queue_id = %(queue_id)s;

-- name: finish_work
-- In the transaction in which the last reading followed.
delete from ingest.attribution_work where queue_id = %(queue_id)s;

-- name: postpone_work
-- Work that failed, or whose readings somebody else corrected meanwhile, gives way to the rest until its next turn.
update ingest.attribution_work
set attempts = attempts + 1, due_at = %(retry_at)s, last_error = %(last_error)s
where queue_id = %(queue_id)s;
