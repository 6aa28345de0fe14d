-- name: create_migration_table
-- The history of all packages' migrations, in the one schema that none of them owns.
create table if not exists public.homevitals_migration (
    package    text not null,
    name       text not null,
    sha256     bytea not null,
    applied_at timestamptz not null,
    primary key (package, name)
);

-- name: lock_migrations
-- One migration run at a time per database; the number is arbitrary and only has to stay the same.
select pg_advisory_lock(5117302468);

-- name: unlock_migrations
-- Lets the next migration run go.
select pg_advisory_unlock(5117302468);

-- name: applied_migrations
-- What was applied for one package.
select name, sha256 from public.homevitals_migration where package = %(package)s;

-- name: remember_migration
-- Written in the migration's own transaction where it has one.
insert into public.homevitals_migration (package, name, sha256, applied_at)
values (%(package)s, %(name)s, %(sha256)s, %(applied_at)s);

-- name: gateways_by_id
-- Identity and status of the gateways that a batch names.
select gateway_id, practice_id, label, status, enrolled_at, last_seen_at, is_online
from ingest.gateway
where gateway_id = any(%(gateway_ids)b);

-- name: register_peripherals
-- A peripheral that a known gateway heard for the first time; it belongs to nobody yet.
-- In the order of the key, so that two workers never wait for each other crosswise.
insert into ingest.peripheral (practice_id, bluetooth_address, profile_id)
select distinct on (practice_id, bluetooth_address) practice_id, bluetooth_address, profile_id
from unnest(%(practice_ids)s::uuid[], %(bluetooth_addresses)s::text[], %(profile_ids)s::text[])
    as heard (practice_id, bluetooth_address, profile_id)
order by practice_id, bluetooth_address
on conflict do nothing;

-- name: peripherals_by_address
-- The peripherals that a batch names, one row per assignment that counts, at least one per peripheral.
select p.practice_id, p.bluetooth_address, p.peripheral_id, a.user_slot, a.patient_id, a.valid_from,
       nullif(a.valid_until, 'infinity') as valid_until, patient.time_zone
from unnest(%(practice_ids)b::uuid[], %(bluetooth_addresses)b::text[]) as heard (practice_id, bluetooth_address)
join ingest.peripheral p using (practice_id, bluetooth_address)
left join ingest.assignment a on a.practice_id = p.practice_id and a.peripheral_id = p.peripheral_id and a.voided_at is null
left join ingest.patient patient on patient.practice_id = p.practice_id and patient.patient_id = a.patient_id;

-- name: ensure_series
-- Makes the monthly partitions that the span touches; returns how many were new. A hypertable needs none.
select ingest.ensure_series(%(from_at)s, %(until_at)s);

-- name: contents_by_record_key
-- What the winners of keys contain: the same bytes make a duplicate, others a conflict.
select k.practice_id, k.record_key, k.content_sha256
from unnest(%(practice_ids)s::uuid[], %(record_keys)s::bytea[]) as lost (practice_id, record_key)
join ingest.record_key k using (practice_id, record_key);

-- name: make_taken_in
-- No view takes a COPY, and nothing else is nearly as quick: readings are copied into a table of the connection's own, and
-- go from there through the view, which holds them to the practices in scope.
create temporary table if not exists taken_in (like ingest.reading, record_key bytea, content_sha256 bytea)
    on commit delete rows;

-- name: copy_taken_in
-- Readings in the form in which PostgreSQL keeps them; the types of the columns stand in store.py.
copy taken_in (
    practice_id, reading_id, patient_id, peripheral_id, user_slot, kind, result, measured_at, time_method,
    time_quality, device_time, device_clock_offset_s, gateway_received_at, stored_at, systolic_mmhg,
    diastolic_mmhg, mean_arterial_mmhg, pulse_bpm, glucose_mg_dl, sequence_number, qualifiers, profile_id,
    profile_version, characteristic, raw, gateway_id, outbox_epoch, outbox_seq, message_id, origin, measured_day,
    version, superseded_at, weight_kg, spo2_percent, temperature_celsius, ketone_mmol_l, record_key, content_sha256
) from stdin (format binary);

-- name: store_taken_in
-- Readings whose keys nobody has to claim: later versions.
insert into ingest.reading
select practice_id, reading_id, patient_id, peripheral_id, user_slot, kind, result, measured_at, time_method,
       time_quality, device_time, device_clock_offset_s, gateway_received_at, stored_at, systolic_mmhg,
       diastolic_mmhg, mean_arterial_mmhg, pulse_bpm, glucose_mg_dl, sequence_number, qualifiers, profile_id,
       profile_version, characteristic, raw, gateway_id, outbox_epoch, outbox_seq, message_id, origin, measured_day,
       version, superseded_at, weight_kg, spo2_percent, temperature_celsius, ketone_mmol_l
from taken_in;

-- name: claim_and_store_taken_in
-- The key decides who stores a record; of equal keys in one batch the first id wins. Who wins is stored, and queued for the
-- rules where it is a patient's and says something. Returns who lost.
-- Keys are claimed in their order, so that two workers never wait for each other crosswise.
with claimed as (
    insert into ingest.record_key (practice_id, record_key, content_sha256, reading_id, measured_at)
    select practice_id, record_key, content_sha256, reading_id, measured_at from taken_in
    order by practice_id, record_key, reading_id
    on conflict do nothing
    returning reading_id
), stored as (
    insert into ingest.reading
    select practice_id, reading_id, patient_id, peripheral_id, user_slot, kind, result, measured_at, time_method,
           time_quality, device_time, device_clock_offset_s, gateway_received_at, stored_at, systolic_mmhg,
           diastolic_mmhg, mean_arterial_mmhg, pulse_bpm, glucose_mg_dl, sequence_number, qualifiers, profile_id,
           profile_version, characteristic, raw, gateway_id, outbox_epoch, outbox_seq, message_id, origin,
           measured_day, version, superseded_at, weight_kg, spo2_percent, temperature_celsius, ketone_mmol_l
    from taken_in join claimed using (reading_id)
), queued as (
    insert into ingest.evaluation_queue (practice_id, patient_id, reading_id, measured_at, queued_at)
    select practice_id, patient_id, reading_id, measured_at, stored_at
    from taken_in join claimed using (reading_id)
    where patient_id is not null and result = any (%(judged)s)
)
select reading_id from taken_in where reading_id not in (select reading_id from claimed);

-- name: insert_context
-- The same context again is no news.
insert into ingest.glucose_context (
    practice_id, peripheral_id, sequence_number, content_sha256, context, raw, gateway_id, outbox_epoch,
    outbox_seq, message_id, stored_at)
values (
    %(practice_id)s, %(peripheral_id)s, %(sequence_number)s, %(content_sha256)s, %(context)s, %(raw)s,
    %(gateway_id)s, %(outbox_epoch)s, %(outbox_seq)s, %(message_id)s, %(stored_at)s)
on conflict do nothing
returning message_id, outbox_seq;

-- name: insert_quarantine
-- A resend of the same bytes does not pile up.
insert into ingest.quarantine (
    quarantine_id, practice_id, topic, gateway_id, outbox_epoch, outbox_seq, reason, detail, raw, record,
    content_sha256, message_id, received_at)
values (
    %(quarantine_id)s, %(practice_id)s, %(topic)s, %(gateway_id)s, %(outbox_epoch)s, %(outbox_seq)s,
    %(reason)s, %(detail)s, %(raw)s, %(record)s, %(content_sha256)s, %(message_id)s, %(received_at)s)
on conflict do nothing
returning quarantine_id;

-- name: make_messages_taken_in
-- As for the readings: copied into a table of the connection's own, which is quicker than anything else by far.
create temporary table if not exists messages_taken_in (like ingest.message) on commit delete rows;

-- name: copy_messages_taken_in
-- In the order of the fields of MessageRow; their types stand in store.py.
copy messages_taken_in (
    message_id, practice_id, topic, packet_id, received_at, sent_at, payload_sha256, record_count
) from stdin (format binary);

-- name: store_messages_taken_in
-- Twice when its records were taken in one by one.
insert into ingest.message (
    message_id, practice_id, topic, packet_id, received_at, sent_at, payload_sha256, record_count)
select message_id, practice_id, topic, packet_id, received_at, sent_at, payload_sha256, record_count
from messages_taken_in
on conflict do nothing;

-- name: insert_security_event
-- Something for an operator to look into.
insert into ingest.security_event (practice_id, at, event, gateway_id, detail)
values (%(practice_id)s, %(at)s, %(event)s, %(gateway_id)s, %(detail)s);

-- name: queue_evaluation
-- Work for the evaluator, committed with the readings.
insert into ingest.evaluation_queue (practice_id, patient_id, reading_id, measured_at, queued_at)
select practice_id, patient_id, reading_id, measured_at, %(queued_at)s
from unnest(%(practice_ids)s::uuid[], %(patient_ids)s::uuid[], %(reading_ids)s::uuid[],
            %(measured_ats)s::timestamptz[]) as stored (practice_id, patient_id, reading_id, measured_at);

-- name: wake_evaluators
-- A wake-up only, delivered at commit; who misses it finds the work at the next poll.
select pg_notify('homevitals_evaluation', '');

-- name: see_gateways
-- Once in five seconds is enough to know that a gateway is there; what its status says is noted at once.
-- Rows are locked in the order of the key, so that two workers never wait for each other crosswise.
with seen as (
    select s.* from unnest(%(gateway_ids)b::text[], %(seen_ats)b::timestamptz[], %(are_online)s::boolean[])
        as s (gateway_id, seen_at, is_online)
    join ingest.gateway g using (gateway_id)
    where s.is_online is distinct from g.is_online and s.is_online is not null
       or g.last_seen_at is null or s.seen_at > g.last_seen_at + interval '5 s'
), locked as (
    select g.gateway_id from ingest.gateway g join seen using (gateway_id)
    order by g.gateway_id for no key update of g
)
update ingest.gateway g
set last_seen_at = greatest(g.last_seen_at, seen.seen_at),
    is_online = coalesce(seen.is_online, g.is_online)
from seen join locked using (gateway_id)
where g.gateway_id = seen.gateway_id;

-- name: see_outbox_positions
-- Which numbers of gateways' outboxes have arrived; what they have in common with those before is no news.
-- In the order of the key, so that two workers never wait for each other crosswise.
insert into ingest.outbox_epoch as known (
    practice_id, gateway_id, epoch, positions, first_seen_at, last_seen_at, gap_since)
select practice_id, gateway_id, epoch, positions::int8multirange, %(at)s, %(at)s,
       case when positions::int8multirange = int8multirange(int8range(1, upper(positions::int8multirange)))
            then null else %(at)s end
from unnest(%(practice_ids)b::uuid[], %(gateway_ids)b::text[], %(epochs)b::text[], %(positions)b::text[])
    as seen (practice_id, gateway_id, epoch, positions)
order by practice_id, gateway_id, epoch
on conflict (practice_id, gateway_id, epoch) do update set
    positions = known.positions + excluded.positions,
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
    gap_since = case
        when known.positions + excluded.positions
             = int8multirange(int8range(1, upper(known.positions + excluded.positions))) then null
        else coalesce(known.gap_since, excluded.last_seen_at) end
where not known.positions @> excluded.positions;

-- name: take_evaluation_work
-- Locks the oldest work that is due and that no other evaluator holds.
select queue_id, practice_id, patient_id, reading_id, measured_at, queued_at, attempts
from ingest.evaluation_queue
where retry_at <= %(at)s
order by queue_id
limit %(limit)s
for update skip locked;

-- name: finish_evaluation_work
-- In the transaction that took the work and wrote its result.
delete from ingest.evaluation_queue where queue_id = any(%(queue_ids)s);

-- name: postpone_evaluation_work
-- Work that failed stays, and gives way to the rest until its next turn.
update ingest.evaluation_queue
set attempts = attempts + 1, retry_at = %(retry_at)s, last_error = %(last_error)s
where queue_id = %(queue_id)s;

-- name: ask_again
-- Work that was done and has to be done once more, at a time that is known.
update ingest.evaluation_queue
set attempts = 0, retry_at = %(at)s, queued_at = %(at)s, last_error = null
where queue_id = %(queue_id)s;

-- name: oldest_evaluation_work_at
-- Since when the evaluators are behind; null when nothing waits.
select min(queued_at) from ingest.evaluation_queue;

-- name: readings_of_patient
-- One patient's measurements of a kind in event time, oldest first.
select * from ingest.reading
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and kind = %(kind)s
  and measured_at >= %(from_at)s and measured_at < %(until_at)s
order by measured_at, reading_id;

-- name: last_stored_lately_at
-- When the practice's newest reading came in, of those that came within a span and were measured in the last two months: the
-- sign that the way is open. They lie in rows, by the time of their arrival. A later version of a reading or an imported one
-- is no sign.
select max(stored_at) from ingest.reading_history
where practice_id = %(practice_id)s and version = 1 and origin = 'device'
  and stored_at > now() - %(within)s and measured_at > now() - interval '60 days';

-- name: last_stored_at
-- The same whatever time it was measured at; all of the practice's readings are looked at.
select max(stored_at) from ingest.reading_history
where practice_id = %(practice_id)s and version = 1 and origin = 'device';

-- name: measured_at_of_reading
-- Where in the series a reading is: its key, or its version's row, says when it was measured. Asked first, because only a
-- value tells the planner in which partition or chunk to look; a join would have it consider all of them.
select measured_at from ingest.record_key where practice_id = %(practice_id)s and reading_id = %(reading_id)s
union all
select measured_at from ingest.reading_version where practice_id = %(practice_id)s and reading_id = %(reading_id)s;

-- name: reading
-- One reading, whether this version of it counts or not.
select * from ingest.reading_history
where practice_id = %(practice_id)s and reading_id = %(reading_id)s and measured_at = %(measured_at)s;

-- name: provenance
-- From a reading back to the wire: the record key names the first version, and all versions came the same way.
with place as (
    select k.record_key, k.content_sha256
    from ingest.record_key k where k.practice_id = %(practice_id)s and k.reading_id = %(reading_id)s
    union all
    select k.record_key, k.content_sha256
    from ingest.reading_version v
    join ingest.record_key k on k.practice_id = v.practice_id and k.reading_id = v.original_id
    where v.practice_id = %(practice_id)s and v.reading_id = %(reading_id)s
)
select r.reading_id, p.bluetooth_address, r.gateway_id, r.outbox_epoch, r.outbox_seq, m.message_id, m.topic,
       m.packet_id, m.received_at, m.sent_at, m.payload_sha256, m.record_count, place.record_key,
       place.content_sha256, r.stored_at
from place
cross join ingest.reading_history r
join ingest.peripheral p on p.practice_id = r.practice_id and p.peripheral_id = r.peripheral_id
join ingest.message m on m.message_id = r.message_id
where r.practice_id = %(practice_id)s and r.reading_id = %(reading_id)s and r.measured_at = %(measured_at)s;

-- name: unassigned_readings
-- What waits for an assignment, latest first.
select r.peripheral_id, p.bluetooth_address, p.profile_id, r.user_slot, count(*) as reading_count,
       min(r.measured_at) as first_measured_at, max(r.measured_at) as last_measured_at
from ingest.reading r
join ingest.peripheral p using (practice_id, peripheral_id)
where r.practice_id = %(practice_id)s and r.patient_id is null
group by r.peripheral_id, p.bluetooth_address, p.profile_id, r.user_slot
order by last_measured_at desc, r.peripheral_id, r.user_slot;

-- name: gateways
-- All gateways of a practice.
select gateway_id, practice_id, label, status, enrolled_at, last_seen_at, is_online
from ingest.gateway
where practice_id = %(practice_id)s
order by label, gateway_id;

-- name: count_silent_gateways
-- Active gateways that were heard once, but not since.
select count(*) from ingest.gateway where status = 'active' and last_seen_at < %(before_at)s;

-- name: series_engine
-- What the time series are stored in.
select engine from ingest.series_engine;
