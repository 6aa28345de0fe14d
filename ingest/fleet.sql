-- Statements of the fleet: who is expected, and who is not trusted any more.

-- name: expect
-- A gateway whose box is not there yet; no row where the drawn id is taken, in whatever practice.
insert into ingest.gateway (gateway_id, practice_id, label, status, expected_at)
values (%(gateway_id)s, %(practice_id)s, %(label)s, 'expected', %(at)s)
on conflict do nothing
returning gateway_id;

-- name: standing
-- Whether a code may be issued for a gateway of the practice.
select status from ingest.gateway where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s;

-- name: revoke
-- For good: a box that comes back is a new gateway.
update ingest.gateway
set status = 'revoked', revoked_at = %(at)s
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s and status <> 'revoked'
returning gateway_id;

-- name: void_claim_codes
-- A code on its way to a home is worth nothing any more.
update ingest.one_time_code
set voided_at = %(at)s
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s and used_at is null and voided_at is null;

-- name: wake_guard
-- Heard at the commit.
notify homevitals_revocation;

-- name: to_cut_off
-- Revoked gateways that the broker may still be talking to, longest first.
select practice_id, gateway_id, revoked_at
from ingest.gateway
where status = 'revoked' and cut_off_at is null
order by revoked_at, gateway_id;

-- name: revoked_serials
-- All certificates of revoked gateways; with an instant, those that have not ended by then.
select c.serial, g.revoked_at
from ingest.certificate c
join ingest.gateway g on g.practice_id = c.practice_id and g.gateway_id = c.gateway_id
where g.status = 'revoked' and (%(at)s::timestamptz is null or c.not_after > %(at)s)
order by c.serial;

-- name: mark_cut_off
-- The broker has let go of it.
update ingest.gateway
set cut_off_at = %(at)s
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s and status = 'revoked' and cut_off_at is null
returning gateway_id;
