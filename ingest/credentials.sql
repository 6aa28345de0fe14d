-- Statements of credentials: passwords, second factors, identities at an OpenID provider.

-- name: find_staff
-- The account of a name within a practice, disabled or not: whoever asks says so in the trail and lets nobody in.
select s.practice_id, s.staff_id, p.slug, p.name as practice_name, s.sign_in_name, s.display_name, s.role,
       s.password_argon2, s.totp_sealed, s.totp_confirmed_at, s.totp_last_step, s.oidc_issuer, s.oidc_subject,
       s.disabled_at
from ingest.staff s
join ingest.practice p using (practice_id)
where p.slug = %(slug)s and s.sign_in_name = %(sign_in_name)s;

-- name: staff_account
-- The same account by its id.
select s.practice_id, s.staff_id, p.slug, p.name as practice_name, s.sign_in_name, s.display_name, s.role,
       s.password_argon2, s.totp_sealed, s.totp_confirmed_at, s.totp_last_step, s.oidc_issuer, s.oidc_subject,
       s.disabled_at
from ingest.staff s
join ingest.practice p using (practice_id)
where s.practice_id = %(practice_id)s and s.staff_id = %(staff_id)s;

-- name: find_linked_staff
-- The account that an OpenID provider's subject was linked to.
select s.practice_id, s.staff_id, p.slug, p.name as practice_name, s.sign_in_name, s.display_name, s.role,
       s.password_argon2, s.totp_sealed, s.totp_confirmed_at, s.totp_last_step, s.oidc_issuer, s.oidc_subject,
       s.disabled_at
from ingest.staff s
join ingest.practice p using (practice_id)
where s.practice_id = %(practice_id)s and s.oidc_issuer = %(issuer)s and s.oidc_subject = %(subject)s;

-- name: set_password
-- Replaces exactly the hash that was looked at; null where there was none.
update ingest.staff set password_argon2 = %(password_argon2)s
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and disabled_at is null
  and password_argon2 is not distinct from %(former_argon2)s
returning staff_id;

-- name: set_totp
-- A second factor of which a first code was shown; an account that has one keeps it.
update ingest.staff set totp_sealed = %(totp_sealed)s, totp_confirmed_at = %(at)s, totp_last_step = %(step)s
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and disabled_at is null and totp_confirmed_at is null
returning staff_id;

-- name: use_totp_step
-- A code counts once, and none counts that is older than one that counted.
update ingest.staff set totp_last_step = %(step)s
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and disabled_at is null
  and totp_confirmed_at is not null and (totp_last_step is null or totp_last_step < %(step)s)
returning staff_id;

-- name: reset_totp
-- A lost telephone: the next sign-in sets up another.
update ingest.staff set totp_sealed = null, totp_confirmed_at = null, totp_last_step = null
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and disabled_at is null and totp_sealed is not null
returning staff_id;

-- name: link_identity
-- An account is linked once; nobody's identity is replaced by another's.
update ingest.staff set oidc_issuer = %(issuer)s, oidc_subject = %(subject)s
where practice_id = %(practice_id)s and staff_id = %(staff_id)s and disabled_at is null and oidc_subject is null
returning staff_id;

-- name: set_identity_provider
-- One provider for a practice.
insert into ingest.identity_provider (practice_id, issuer, client_id, second_factor_amr)
values (%(practice_id)s, %(issuer)s, %(client_id)s, %(second_factor_amr)s)
on conflict (practice_id) do update
set issuer = excluded.issuer, client_id = excluded.client_id, second_factor_amr = excluded.second_factor_amr;

-- name: identity_provider
-- The provider of the practice behind the part after the “@”.
select i.practice_id, p.slug, i.issuer, i.client_id, i.second_factor_amr
from ingest.identity_provider i
join ingest.practice p using (practice_id)
where p.slug = %(slug)s;
