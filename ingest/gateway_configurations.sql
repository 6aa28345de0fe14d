-- Statements of gateways' configurations: their versions, how far each gateway has followed, and what waits for the broker.

-- name: latest
-- The version that a gateway should follow; no row before the first.
select number, content, key_id, signature, made_at, made_by
from ingest.gateway_configuration
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s
order by number desc limit 1;

-- name: version
-- One version, whether it is the latest or not.
select number, content, key_id, signature, made_at, made_by
from ingest.gateway_configuration
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s and number = %(number)s;

-- name: history
-- Who made which version, latest first.
select number, made_at, made_by
from ingest.gateway_configuration
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s
order by number desc limit %(limit)s;

-- name: following
-- How far a gateway has followed.
select sent_number, sent_at, heard_at, applied_number, refused_number, refused_reason, refused_detail
from ingest.gateway_following
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s;

-- name: next_number
-- Above every version that there is, and above what the gateway follows: after a restore from a backup that may be higher.
select greatest(
    (select coalesce(max(number), 0) from ingest.gateway_configuration
     where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s),
    (select coalesce(max(applied_number), 0) from ingest.gateway_following
     where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s)
) + 1;

-- name: add
-- A new version; no row where somebody else has made one of this number meanwhile.
insert into ingest.gateway_configuration (practice_id, gateway_id, number, content, key_id, signature, made_at, made_by)
values (%(practice_id)s, %(gateway_id)s, %(number)s, %(content)s, %(key_id)s, %(signature)s, %(at)s, %(made_by)s)
on conflict do nothing
returning number;

-- name: names_a_patient
-- Whether one of some words is part of a patient's name, or a record number.
select exists (
    select from ingest.patient
    where practice_id = %(practice_id)s
      and (regexp_split_to_array(lower(display_name), '[^[:alnum:]]+') && %(words)s::text[]
           or lower(record_number) = any (%(words)s::text[])));

-- name: take_turn
-- Whether no other courier works; from then on this connection's does, until it ends. The number only has to stay the same.
select pg_try_advisory_lock(1211644, 1);

-- name: want
-- A gateway should follow this version from now on.
insert into ingest.gateway_following (practice_id, gateway_id, wanted_number)
values (%(practice_id)s, %(gateway_id)s, %(number)s)
on conflict (practice_id, gateway_id) do update set wanted_number = excluded.wanted_number;

-- name: due
-- What has to go to the broker, of all practices: a gateway's latest version that it has not been sent, or was sent long ago
-- and has not answered; and nothing (to be kept in its place) for a revoked gateway whose version the broker still keeps.
select practice_id, gateway_id, wanted.number, wanted.key_id, wanted.signature, wanted.content
from ingest.gateway_following following
join ingest.gateway using (practice_id, gateway_id)
join ingest.gateway_configuration wanted using (practice_id, gateway_id)
where gateway.status = 'active' and wanted.number = following.wanted_number
      and (following.sent_number is distinct from following.wanted_number
           or following.sent_at < %(sent_before)s and following.applied_number is distinct from following.wanted_number
              and following.refused_number is distinct from following.wanted_number)
union all
select practice_id, gateway_id, null, null, null, null
from ingest.gateway_following
join ingest.gateway using (practice_id, gateway_id)
where status = 'revoked' and sent_number is not null
order by 1, 2
limit %(limit)s;

-- name: note_sent
-- The broker keeps this version now; null for none.
insert into ingest.gateway_following (practice_id, gateway_id, sent_number, sent_at)
values (%(practice_id)s, %(gateway_id)s, %(number)s::integer,
        case when %(number)s::integer is not null then %(at)s::timestamptz end)
on conflict (practice_id, gateway_id) do update set sent_number = excluded.sent_number, sent_at = excluded.sent_at;

-- name: note_heard
-- What a gateway of the practice says it follows. One that has lost what it followed is sent the latest version again.
insert into ingest.gateway_following as following
    (practice_id, gateway_id, heard_at, applied_number, refused_number, refused_reason, refused_detail)
values (%(practice_id)s, %(gateway_id)s, %(at)s, %(applied_number)s, %(refused_number)s, %(refused_reason)s,
        %(refused_detail)s)
on conflict (practice_id, gateway_id) do update
set heard_at = excluded.heard_at, applied_number = excluded.applied_number, refused_number = excluded.refused_number,
    refused_reason = excluded.refused_reason, refused_detail = excluded.refused_detail,
    sent_number = case when excluded.applied_number >= coalesce(following.applied_number, 0) then following.sent_number end,
    sent_at = case when excluded.applied_number >= coalesce(following.applied_number, 0) then following.sent_at end;
