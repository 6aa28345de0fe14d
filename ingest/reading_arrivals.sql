-- What was stored lately, for whoever waits for it.

-- name: listen
-- Ingest notifies on this channel when it commits readings that the rules judge; a poll finds the others.
listen homevitals_evaluation;

-- name: stored_since
-- Readings of patients that were stored at an instant or later, in that order. Whose they are is all that is told.
select reading_id, measured_at, patient_id, stored_at
from ingest.reading
where practice_id = %(practice_id)s and stored_at >= %(since_at)s and patient_id is not null
order by stored_at, reading_id
limit %(limit)s;

-- name: arrived
-- Those of some readings that still count and may be seen, in the given order. The two bounds keep the other partitions out.
select r.*
from unnest(%(reading_ids)s::uuid[], %(measured_ats)s::timestamptz[]) with ordinality
    as asked (reading_id, measured_at, place)
join ingest.reading r on r.reading_id = asked.reading_id and r.measured_at = asked.measured_at
where r.practice_id = %(practice_id)s and r.measured_at between %(first_at)s and %(last_at)s
order by asked.place;
