-- Statements of reading stored bytes again with a newer version of their device profile.

-- name: count_readable_again
-- How many readings that count were read with an older version; for the progress shown.
select count(*)
from ingest.reading
where practice_id = %(practice_id)s and origin = 'device' and profile_id = %(profile_id)s
  and profile_version < %(to_version)s
  and (%(from_versions)s::integer[] is null or profile_version = any (%(from_versions)s::integer[]))
  and measured_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
  and measured_at < coalesce(%(until_at)s::timestamptz, 'infinity');

-- name: readable_again
-- Which readings these are, in no order: found once, as one moment has them. A cursor that outlives its transaction keeps
-- the list, for a transaction that stayed open so long would keep everybody from adding partitions.
select reading_id, measured_at
from ingest.reading
where practice_id = %(practice_id)s and origin = 'device' and profile_id = %(profile_id)s
  and profile_version < %(to_version)s
  and (%(from_versions)s::integer[] is null or profile_version = any (%(from_versions)s::integer[]))
  and measured_at >= coalesce(%(from_at)s::timestamptz, '-infinity')
  and measured_at < coalesce(%(until_at)s::timestamptz, 'infinity');

-- name: still_to_read
-- Those of a batch that nobody has corrected meanwhile.
select r.*
from unnest(%(reading_ids)s::uuid[], %(measured_ats)s::timestamptz[]) as found (reading_id, measured_at)
join ingest.reading r using (reading_id, measured_at)
where r.practice_id = %(practice_id)s and r.measured_at between %(first_at)s and %(last_at)s;

-- name: assignments
-- Whose the peripherals of a batch are and were.
select a.peripheral_id, a.user_slot, a.patient_id, a.valid_from, nullif(a.valid_until, 'infinity') as valid_until,
       patient.time_zone
from ingest.assignment a
join ingest.patient patient using (practice_id, patient_id)
where a.practice_id = %(practice_id)s and a.peripheral_id = any (%(peripheral_ids)s::uuid[]) and a.voided_at is null;
