-- Statements of gaps: numbers of gateways' outboxes below the highest that has arrived, which have not.

-- name: gaps
-- Epochs of a practice's gateways in which something is missing, the newest first; of many holes the first hundred.
select e.gateway_id, g.label, e.epoch, e.first_seen_at, e.last_seen_at, e.gap_since,
       exists (select from ingest.outbox_epoch newer
               where newer.practice_id = e.practice_id and newer.gateway_id = e.gateway_id
                 and newer.first_seen_at > e.first_seen_at) as is_superseded,
       (select coalesce(sum(upper(hole) - lower(hole)), 0)::bigint from unnest(missing.numbers) as hole) as missing_count,
       array(select lower(hole) from unnest(missing.numbers) as hole order by 1 limit 100) as firsts,
       array(select upper(hole) - 1 from unnest(missing.numbers) as hole order by 1 limit 100) as lasts
from ingest.outbox_epoch e
join ingest.gateway g on g.practice_id = e.practice_id and g.gateway_id = e.gateway_id
cross join lateral (select int8multirange(int8range(1, upper(e.positions))) - e.positions as numbers) as missing
where e.practice_id = %(practice_id)s and e.gap_since is not null
  and (%(gateway_id)s::text is null or e.gateway_id = %(gateway_id)s)
order by e.gateway_id, e.first_seen_at desc;

-- name: count_gaps
-- Epochs with something missing for long: of outboxes in use, and of those that a newer one has replaced not long ago.
select count(*) filter (where replaced_at is null) as waiting, count(*) filter (where replaced_at >= %(replaced_since)s) as lost
from (select (select min(newer.first_seen_at) from ingest.outbox_epoch newer
              where newer.practice_id = e.practice_id and newer.gateway_id = e.gateway_id
                and newer.first_seen_at > e.first_seen_at) as replaced_at
      from ingest.outbox_epoch e where e.gap_since < %(before_at)s) as old;
