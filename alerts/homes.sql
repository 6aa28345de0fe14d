-- Statements about homes as the rules that the clock asks see them. Role: homevitals_alerts, in the practice's scope.

-- name: load_peripherals
-- Every peripheral that somebody has who is active. Which gateway connects to it is asked for by itself: behind the walls a planner
-- expects a row where there are thousands, and would go through all gateways for each.
select a.patient_id, patient.time_zone, a.peripheral_id, peripheral.bluetooth_address, peripheral.profile_id,
       a.valid_from as assigned_from
from ingest.assignment a
join ingest.peripheral on peripheral.practice_id = a.practice_id and peripheral.peripheral_id = a.peripheral_id
join ingest.patient on patient.practice_id = a.practice_id and patient.patient_id = a.patient_id
where a.practice_id = %(practice_id)s and a.voided_at is null and a.valid_from <= %(at)s and %(at)s < a.valid_until
  and patient.standing = 'active'
order by a.patient_id, a.valid_from, a.peripheral_id;

-- name: load_gateways
-- What each active gateway says of itself and of each peripheral that it connects to. It is
-- read as this version writes it; a later version's word counts as none.
select g.gateway_id, g.label, greatest(g.last_seen_at, h.received_at, g.enrolled_at) as gateway_heard_at,
       h.received_at, h.said_at, coalesce(h.waiting_records, 0) as waiting_records,
       (said.health #>> '{outbox,oldest_waiting_at}')::timestamptz as oldest_waiting_at, said.health #>> '{machine,clock}' as clock,
       p.peripheral as bluetooth_address, p.heard_at, p.talked_at, p.battery_percent, p.battery_at,
       coalesce(p.failures, 0) as failures, (p.failure ->> 'at')::timestamptz as failed_at
from ingest.gateway g
left join ingest.gateway_health h on h.practice_id = g.practice_id and h.gateway_id = g.gateway_id
cross join lateral (select case when (h.health ->> 'version')::int = 1 then h.health end as health) as said
cross join lateral jsonb_to_recordset(said.health -> 'peripherals') as p (
    peripheral text, heard_at timestamptz, talked_at timestamptz, battery_percent int, battery_at timestamptz, failures int,
    failure jsonb)
where g.practice_id = %(practice_id)s and g.status = 'active';

-- name: load_zones
-- The time zones of active patients who have a schedule and no peripheral.
select patient_id, time_zone from ingest.patient
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and standing = 'active';

-- name: load_measurements
-- When patients measured each kind in a span of time, and by how much the peripheral's clock was off when it was read last.
select r.patient_id, r.kind, array_agg(r.measured_at order by r.measured_at) as measured_ats,
       (array_agg(r.device_clock_offset_s order by r.gateway_received_at desc)
           filter (where r.device_clock_offset_s is not null))[1] as clock_off_s
from ingest.reading r
where r.practice_id = %(practice_id)s and r.patient_id = any (%(patient_ids)s) and r.kind = any (%(kinds)s)
  and r.result in ('measured', 'above_range', 'below_range')
  and r.measured_at between %(from_at)s and %(until_at)s
group by r.patient_id, r.kind;

-- name: waiting_since
-- How far evaluation is behind. Work that failed waits for its next try, and says nothing about that.
select min(queued_at) from ingest.evaluation_queue where attempts = 0;
