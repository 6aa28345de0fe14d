-- Readings as programs fetch them: page by page, and the latest of each kind.

-- name: page
-- One patient's measurements of a kind behind a place in their order, oldest first. The first page has no place: it begins
-- at from_at; every other one begins at the instant of the place.
select * from ingest.reading
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = %(kind)s
  and measured_at >= %(from_at)s and measured_at < %(until_at)s
  and (%(after_id)s::uuid is null or (measured_at, reading_id) > (%(from_at)s, %(after_id)s))
order by measured_at, reading_id
limit %(limit)s;

-- name: latest_with_number
-- Of each kind the last one that carries numbers. What cannot be dated is nobody's last.
select r.*
from unnest(%(kinds)s::text[]) as asked (kind)
cross join lateral (
    select * from ingest.reading
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = asked.kind
      and result = 'measured' and time_quality <> 'unknown'
    order by measured_at desc, reading_id desc
    limit 1) r;

-- name: latest
-- Of each kind the last measurement, whatever came of it; tests of strips are none.
select r.*
from unnest(%(kinds)s::text[]) as asked (kind)
cross join lateral (
    select * from ingest.reading
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = asked.kind
      and result <> 'control_solution' and time_quality <> 'unknown'
    order by measured_at desc, reading_id desc
    limit 1) r;

-- name: latest_undated
-- Of each kind the one that arrived last of those that cannot be dated. Most patients have none, and nobody shall read all
-- that they ever measured to find that out.
select r.*
from unnest(%(kinds)s::text[]) as asked (kind)
cross join lateral (
    select * from ingest.reading
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = asked.kind
      and result <> 'control_solution' and time_quality = 'unknown' and measured_at >= %(since_at)s
    order by measured_at desc, reading_id desc
    limit 1) r;
