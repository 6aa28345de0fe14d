-- Statements of codes that count once.

-- name: void_former
-- What a new code replaces, and the practice's codes that have expired, so that their locators are free again.
-- In the order of the key, so that two who issue at once never wait for each other crosswise.
with former as (
    select practice_id, code_id from ingest.one_time_code
    where practice_id = %(practice_id)s and used_at is null and voided_at is null
      and (expires_at <= %(at)s
           or purpose = %(purpose)s
              and (gateway_id = %(gateway_id)s or staff_id = %(staff_id)s or person_id = %(person_id)s))
    order by code_id
    for no key update
)
update ingest.one_time_code code
set voided_at = %(at)s
from former
where code.practice_id = former.practice_id and code.code_id = former.code_id;

-- name: issue
-- No row where the locator is taken, or where another code for the same subject came in between: draw again.
insert into ingest.one_time_code
    (practice_id, purpose, locator, secret_argon2, gateway_id, staff_id, person_id, created_by, created_at, expires_at)
values
    (%(practice_id)s, %(purpose)s, %(locator)s, %(secret_argon2)s, %(gateway_id)s, %(staff_id)s, %(person_id)s,
     %(created_by)s, %(at)s, %(expires_at)s)
on conflict do nothing
returning code_id;

-- name: living
-- The code behind a locator, locked: of two who try it at once, the second sees what the first did to it.
select practice_id, code_id, secret_argon2, gateway_id, staff_id, person_id
from ingest.one_time_code
where purpose = %(purpose)s and locator = %(locator)s and used_at is null and voided_at is null
  and expires_at > %(at)s
for no key update;

-- name: use
-- Once and never again.
update ingest.one_time_code
set used_at = %(at)s
where practice_id = %(practice_id)s and code_id = %(code_id)s and used_at is null and voided_at is null
returning code_id;

-- name: count_wrong_try
-- The last allowed one voids the code.
update ingest.one_time_code
set wrong_tries = wrong_tries + 1,
    voided_at = case when wrong_tries + 1 >= %(most_wrong_tries)s then %(at)s::timestamptz end
where practice_id = %(practice_id)s and code_id = %(code_id)s and used_at is null and voided_at is null
returning code_id;
