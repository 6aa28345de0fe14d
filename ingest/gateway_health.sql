-- Statements about how gateways are.

-- name: note_last
-- The last word of each gateway; one that was overtaken on its way changes nothing. In the order of the key, so that two
-- workers never wait for each other crosswise.
insert into ingest.gateway_health as known (
    practice_id, gateway_id, received_at, said_at, boot_id, waiting_records, health)
select practice_id, gateway_id, received_at, said_at, boot_id, waiting_records, health
from unnest(%(practice_ids)s::uuid[], %(gateway_ids)s::text[], %(received_ats)s::timestamptz[], %(said_ats)s::timestamptz[],
            %(boot_ids)s::text[], %(waiting)s::bigint[], %(healths)s::jsonb[])
    as said (practice_id, gateway_id, received_at, said_at, boot_id, waiting_records, health)
order by practice_id, gateway_id
on conflict (practice_id, gateway_id) do update set
    received_at = excluded.received_at, said_at = excluded.said_at, boot_id = excluded.boot_id,
    waiting_records = excluded.waiting_records, health = excluded.health
where known.received_at <= excluded.received_at;

-- name: note_past
-- A word that is worth keeping: an hour after the one before, or of another state.
insert into ingest.gateway_health_past (
    practice_id, gateway_id, received_at, boot_id, waiting_records, oldest_waiting_s, outbox_bytes, closed, clock,
    disk_free_bytes, temperature_c, resident_bytes, adapters, adapters_up)
select said.practice_id, said.gateway_id, said.received_at, said.boot_id, said.waiting_records, said.oldest_waiting_s,
       said.outbox_bytes, said.closed, said.clock, said.disk_free_bytes, said.temperature_c, said.resident_bytes,
       said.adapters, said.adapters_up
from unnest(%(practice_ids)s::uuid[], %(gateway_ids)s::text[], %(received_ats)s::timestamptz[], %(boot_ids)s::text[],
            %(waiting)s::bigint[], %(oldest_waiting_s)s::bigint[], %(outbox_bytes)s::bigint[], %(closed)s::text[],
            %(clocks)s::text[], %(disk_free_bytes)s::bigint[], %(temperatures_c)s::real[], %(resident_bytes)s::bigint[],
            %(adapters)s::smallint[], %(adapters_up)s::smallint[])
    as said (practice_id, gateway_id, received_at, boot_id, waiting_records, oldest_waiting_s, outbox_bytes, closed, clock,
             disk_free_bytes, temperature_c, resident_bytes, adapters, adapters_up)
left join lateral (
    select past.received_at, past.boot_id, past.closed, past.clock, past.adapters_up
    from ingest.gateway_health_past past
    where past.practice_id = said.practice_id and past.gateway_id = said.gateway_id
    order by past.received_at desc limit 1) as before on true
where before.received_at is null
   or said.received_at >= before.received_at + interval '1 hour'
   or said.received_at > before.received_at
      and (said.boot_id, said.closed, said.clock, said.adapters_up)
          is distinct from (before.boot_id, before.closed, before.clock, before.adapters_up)
order by said.practice_id, said.gateway_id
on conflict do nothing;

-- name: note_salvages
-- What gateways say of repaired outboxes; they say it with every word, and once is enough.
insert into ingest.outbox_salvage (
    practice_id, gateway_id, found_at, epoch, reason, saved, highest_seq, unsaved_count, unsaved, reported_at)
select practice_id, gateway_id, found_at, epoch, reason, saved, highest_seq, unsaved_count, unsaved::int8multirange,
       reported_at
from unnest(%(practice_ids)s::uuid[], %(gateway_ids)s::text[], %(found_ats)s::timestamptz[], %(epochs)s::text[],
            %(reasons)s::text[], %(saved)s::bigint[], %(highest_seqs)s::bigint[], %(unsaved_counts)s::bigint[],
            %(unsaved)s::text[], %(reported_ats)s::timestamptz[])
    as said (practice_id, gateway_id, found_at, epoch, reason, saved, highest_seq, unsaved_count, unsaved, reported_at)
order by practice_id, gateway_id, found_at
on conflict do nothing;

-- name: last
-- The last word of each of a practice's gateways, or of one.
select gateway_id, received_at, said_at, boot_id, waiting_records, health
from ingest.gateway_health
where practice_id = %(practice_id)s and (%(gateway_id)s::text is null or gateway_id = %(gateway_id)s)
order by gateway_id;

-- name: past
-- How one gateway was since an instant, newest first.
select received_at, boot_id, waiting_records, oldest_waiting_s, outbox_bytes, closed, clock, disk_free_bytes,
       temperature_c, resident_bytes, adapters, adapters_up
from ingest.gateway_health_past
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s and received_at >= %(since)s
order by received_at desc
limit %(limit)s;

-- name: salvages
-- Repairs of one gateway's outboxes, newest first, and which numbers neither were saved nor have arrived.
select s.found_at, s.epoch, s.reason, s.saved, s.highest_seq, s.unsaved_count,
       (select coalesce(sum(upper(hole) - lower(hole)), 0)::bigint from unnest(s.unsaved) as hole) as named_count,
       (select coalesce(sum(upper(hole) - lower(hole)), 0)::bigint from unnest(missing.numbers) as hole) as lost_count,
       array(select lower(hole) from unnest(missing.numbers) as hole order by 1) as firsts,
       array(select upper(hole) - 1 from unnest(missing.numbers) as hole order by 1) as lasts
from ingest.outbox_salvage s
left join ingest.outbox_epoch e
    on e.practice_id = s.practice_id and e.gateway_id = s.gateway_id and e.epoch = s.epoch
cross join lateral (select s.unsaved - coalesce(e.positions, '{}'::int8multirange) as numbers) as missing
where s.practice_id = %(practice_id)s and s.gateway_id = %(gateway_id)s
order by s.found_at desc;

-- name: delete_past
-- The past before an instant, of all practices.
delete from ingest.gateway_health_past where received_at < %(before_at)s;
