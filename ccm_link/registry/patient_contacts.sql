-- Statements about how patients are reached. Role: homevitals_console.

-- name: unprefer
-- The one that was preferred is replaced by one that is not: a row is never changed.
with former as (
    update ccm.telecom set ended_at = %(at)s, ended_by = %(by)s
    where practice_id = %(practice_id)s and patient_id = %(patient_id)s and ended_at = 'infinity' and is_preferred
    returning kind, address, used_for, may_text, may_voicemail
)
insert into ccm.telecom (practice_id, patient_id, kind, address, used_for, is_preferred, may_text, may_voicemail, recorded_by,
                         recorded_at)
select %(practice_id)s, %(patient_id)s, kind, address, used_for, false, may_text, may_voicemail, %(by)s, %(at)s from former;

-- name: add_telecom
-- No row comes back where it is recorded and not ended.
insert into ccm.telecom (practice_id, patient_id, kind, address, used_for, is_preferred, may_text, may_voicemail, recorded_by,
                         recorded_at)
values (%(practice_id)s, %(patient_id)s, %(kind)s, %(address)s, %(used_for)s, %(is_preferred)s, %(may_text)s,
        %(may_voicemail)s, %(by)s, %(at)s)
on conflict do nothing
returning telecom_id;

-- name: end_telecom
-- Only an open one that began before.
update ccm.telecom set ended_at = %(at)s, ended_by = %(by)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and telecom_id = %(telecom_id)s
  and ended_at = 'infinity' and recorded_at < %(at)s
returning telecom_id;

-- name: telecoms
-- Those that hold of some patients, what is preferred first.
select telecom_id, patient_id, kind, address, used_for, is_preferred, may_text, may_voicemail, recorded_by, recorded_at
from ccm.telecom
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and ended_at = 'infinity'
order by patient_id, is_preferred desc, kind desc, recorded_at, telecom_id;

-- name: end_address
-- The one that holds, before another is recorded.
update ccm.postal_address set ended_at = %(at)s, ended_by = %(by)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and ended_at = 'infinity' and recorded_at < %(at)s;

-- name: add_address
-- No row comes back where one holds from this instant or later.
insert into ccm.postal_address (practice_id, patient_id, street, city, state, postal_code, country, recorded_by, recorded_at)
values (%(practice_id)s, %(patient_id)s, %(street)s, %(city)s, %(state)s, %(postal_code)s, %(country)s, %(by)s, %(at)s)
on conflict do nothing
returning address_id;

-- name: addresses
-- Those that hold of some patients.
select address_id, patient_id, street, city, state, postal_code, country, recorded_by, recorded_at
from ccm.postal_address
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and ended_at = 'infinity';
