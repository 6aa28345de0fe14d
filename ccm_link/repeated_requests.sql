-- Requests that may come twice.

-- name: made_before
-- What the first request under a key made, and whether it was the same request.
select entry_id, body_sha256 = %(body_sha256)s as is_same
from ccm.repeated_request
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and key_sha256 = %(key_sha256)s
  and made_at > %(forgotten_before)s;

-- name: forget
-- The person's keys that are too old to come again.
delete from ccm.repeated_request
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and made_at <= %(forgotten_before)s;

-- name: remember
-- What a request made.
insert into ccm.repeated_request (practice_id, staff_id, key_sha256, body_sha256, entry_id, made_at)
values (%(practice_id)s, %(staff_id)s, %(key_sha256)s, %(body_sha256)s, %(entry_id)s, %(made_at)s);
