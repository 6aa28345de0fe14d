-- Statements about who bills. Role: homevitals_console.

-- name: add
-- What holds from a day on; nothing that was said before is changed.
insert into ccm.practice_billing
    (practice_id, from_on, site, prefers_personal, legal_name, npi, tax_number, street, city, state, zip_code,
     place_of_service, contact_name, contact_phone, recorded_by, recorded_at)
values (%(practice_id)s, %(from_on)s, %(site)s, %(prefers_personal)s, %(legal_name)s, %(npi)s, %(tax_number)s, %(street)s,
        %(city)s, %(state)s, %(zip_code)s, %(place_of_service)s, %(contact_name)s, %(contact_phone)s, %(recorded_by)s,
        %(at)s)
returning billing_number;

-- name: in_force
-- What was said for the last day before or on the one asked for; of that day what was recorded last.
select from_on, site, prefers_personal, legal_name, npi, tax_number, street, city, state, zip_code, place_of_service,
       contact_name, contact_phone, recorded_by, recorded_at
from ccm.practice_billing
where practice_id = %(practice_id)s and from_on <= %(on)s
order by from_on desc, billing_number desc
limit 1;

-- name: all_of_practice
-- All that was ever said, the newest day first.
select from_on, site, prefers_personal, legal_name, npi, tax_number, street, city, state, zip_code, place_of_service,
       contact_name, contact_phone, recorded_by, recorded_at
from ccm.practice_billing
where practice_id = %(practice_id)s
order by from_on desc, billing_number desc;

-- name: add_name
-- The name under which somebody bills from now on.
insert into ccm.billing_name (practice_id, staff_id, family_name, given_names, recorded_by, recorded_at)
values (%(practice_id)s, %(staff_id)s, %(family_name)s, %(given_names)s, %(recorded_by)s, %(at)s)
returning name_number;

-- name: practitioners
-- Names under which people bill, and the numbers of the credentials by which they billed on a day: of those asked for, or else
-- of who may bill.
select staff.staff_id, staff.display_name as name, said.family_name, said.given_names, held.npi
from ingest.staff
left join lateral (
    select family_name, given_names from ccm.billing_name
    where billing_name.practice_id = staff.practice_id and billing_name.staff_id = staff.staff_id
    order by name_number desc limit 1
) said on true
left join lateral (
    select npi from ccm.staff_credential credential
    where credential.practice_id = staff.practice_id and credential.staff_id = staff.staff_id
      and credential.may_bill and credential.from_at < %(on)s::date + 1 and credential.until_at >= %(on)s::date
    order by from_at desc limit 1
) held on true
where staff.practice_id = %(practice_id)s
  and case when %(staff_ids)s::uuid[] is null then held.npi is not null or said.family_name is not null
           else staff.staff_id = any (%(staff_ids)s::uuid[]) end
order by staff.display_name, staff.staff_id;
