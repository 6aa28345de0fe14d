-- Statements of people: practices, staff, people at home, patients and what they measure with.

-- name: add_practice
-- A tenant; its id was drawn before, because the row is only let in by a transaction that works for it.
insert into ingest.practice (practice_id, slug, name, time_zone)
values (%(practice_id)s, %(slug)s, %(name)s, %(time_zone)s)
returning practice_id;

-- name: practice
-- One practice.
select practice_id, slug, name, time_zone from ingest.practice where practice_id = %(practice_id)s;

-- name: practice_by_slug
-- The practice behind the part after the “@”.
select practice_id, slug, name, time_zone from ingest.practice where slug = %(slug)s;

-- name: practices
-- All practices, for set-up; nobody who signs in sees more than one.
select practice_id, slug, name, time_zone from ingest.practice order by name, practice_id;

-- name: add_staff
-- An account; without a password until its invitation is used.
insert into ingest.staff (practice_id, sign_in_name, display_name, role, password_argon2)
values (%(practice_id)s, %(sign_in_name)s, %(display_name)s, %(role)s, %(password_argon2)s)
returning staff_id;

-- name: staff
-- All accounts of the practice's staff, and how far each has got; the secrets themselves stay.
select practice_id, staff_id, sign_in_name, display_name, role, password_argon2 is not null as has_password,
       totp_confirmed_at is not null as has_second_factor, oidc_subject is not null as is_linked, disabled_at
from ingest.staff
where practice_id = %(practice_id)s
order by display_name, sign_in_name;

-- name: change_role
-- Acts at the next request of each of the account's sessions.
update ingest.staff set role = %(role)s
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and disabled_at is null and role = %(former_role)s
returning staff_id;

-- name: disable_staff
-- For good: who comes back gets a new account, so that the trail never tells of two people under one id.
update ingest.staff set disabled_at = %(at)s
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and disabled_at is null
returning staff_id;

-- name: add_home_person
-- A patient or a carer, who will sign in with a code.
insert into ingest.home_person (practice_id, patient_id, role, display_name, added_by, added_at)
values (%(practice_id)s, %(patient_id)s, %(role)s, %(display_name)s, %(added_by)s, %(at)s)
returning person_id;

-- name: home_people
-- Who may see one patient's readings from home.
select practice_id, person_id, patient_id, role, display_name, disabled_at
from ingest.home_person
where practice_id = %(practice_id)s and patient_id = %(patient_id)s
order by added_at, person_id;

-- name: home_person
-- One of them.
select practice_id, person_id, patient_id, role, display_name, disabled_at
from ingest.home_person
where practice_id = %(practice_id)s and person_id = %(person_id)s;

-- name: disable_home_person
-- For good, as with staff.
update ingest.home_person set disabled_at = %(at)s
where practice_id = %(practice_id)s and person_id = %(person_id)s and disabled_at is null
returning person_id;

-- name: add_patient
-- A person at home.
insert into ingest.patient
    (practice_id, display_name, born_on, record_number, time_zone, family_name, given_names, administrative_gender, birth_sex,
     language)
values
    (%(practice_id)s, %(display_name)s, %(born_on)s, %(record_number)s, %(time_zone)s, %(family_name)s, %(given_names)s,
     %(administrative_gender)s, %(birth_sex)s, %(language)s)
returning patient_id;

-- name: patient
-- One patient of the practice, whatever their standing.
select practice_id, patient_id, display_name, born_on, record_number, time_zone, standing, standing_since, family_name,
       given_names, administrative_gender, birth_sex, language
from ingest.patient
where practice_id = %(practice_id)s and patient_id = %(patient_id)s;

-- name: patients
-- The patients of the practice who stand so.
select practice_id, patient_id, display_name, born_on, record_number, time_zone, standing, standing_since, family_name,
       given_names, administrative_gender, birth_sex, language
from ingest.patient
where practice_id = %(practice_id)s and standing = any (%(standings)s)
order by display_name, record_number;

-- name: add_peripheral
-- Before its first reading; otherwise ingest registers it.
insert into ingest.peripheral (practice_id, bluetooth_address, profile_id)
values (%(practice_id)s, %(bluetooth_address)s, %(profile_id)s)
returning peripheral_id;
