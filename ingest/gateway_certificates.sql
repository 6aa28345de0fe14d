-- Statements of gateways' certificates: claimed, renewed, remembered.

-- name: activate
-- A claim: also of a box that was installed anew, never of one that was revoked.
update ingest.gateway
set status = 'active', enrolled_at = %(at)s
where practice_id = %(practice_id)s and gateway_id = %(gateway_id)s and status in ('expected', 'active')
returning gateway_id;

-- name: key_was_used
-- In any practice: a key that two boxes have proves neither of them.
select from ingest.certificate where public_key_sha256 = %(public_key_sha256)s limit 1;

-- name: remember_certificate
-- No row where the key was used meanwhile.
insert into ingest.certificate
    (practice_id, gateway_id, serial, public_key_sha256, not_before, not_after, issued_at, issued_for)
values
    (%(practice_id)s, %(gateway_id)s, %(serial)s, %(public_key_sha256)s, %(not_before)s, %(not_after)s, %(at)s,
     %(issued_for)s)
on conflict do nothing
returning serial;

-- name: holder
-- The gateway that a certificate was issued to, locked: a revocation comes before the renewal or after it.
select g.practice_id, g.status,
       exists (select from ingest.certificate later
               where later.practice_id = c.practice_id and later.gateway_id = c.gateway_id
                 and later.issued_at > c.issued_at) as is_superseded
from ingest.gateway g
join ingest.certificate c on c.practice_id = g.practice_id and c.gateway_id = g.gateway_id
where g.gateway_id = %(gateway_id)s and c.serial = %(serial)s and c.public_key_sha256 = %(public_key_sha256)s
for no key update of g;

-- name: certificates
-- The practice's certificates, latest first.
select gateway_id, serial, not_before, not_after, issued_at, issued_for
from ingest.certificate
where practice_id = %(practice_id)s
order by gateway_id, issued_at desc, serial;
