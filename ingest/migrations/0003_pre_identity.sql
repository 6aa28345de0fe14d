-- Who is who: practices by a short name, staff with second factors or an OpenID provider, people at home, one-time codes.

alter table ingest.practice add column slug text;
-- The walls bind the owner too, so a migration that changes rows of all practices takes them off it for that statement.
alter table ingest.practice no force row level security;
-- Practices of before get one made from their name, or from their id where the name makes none or the same as another's.
with made as (
    select practice_id, trim(both '-' from left(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), 30)) as slug
    from ingest.practice
)
update ingest.practice set slug = case
    when made.slug ~ '^[a-z][a-z0-9-]{1,29}$' and (select count(*) from made other where other.slug = made.slug) = 1
    then made.slug else 'practice-' || left(replace(made.practice_id::text, '-', ''), 12) end
from made where made.practice_id = practice.practice_id;
alter table ingest.practice force row level security;
alter table ingest.practice alter column slug set not null;
alter table ingest.practice add constraint practice_slug unique (slug);
alter table ingest.practice add constraint slug_form check (slug ~ '^[a-z][a-z0-9-]{1,29}$');

-- A name is a name within its practice: people sign in as name@slug, and nobody learns who works elsewhere.
alter table ingest.staff drop constraint staff_sign_in_name_key;
alter table ingest.staff add constraint staff_sign_in_name unique (practice_id, sign_in_name);
alter table ingest.staff add constraint sign_in_name_form check (sign_in_name ~ '^[a-z][a-z0-9._-]{0,59}$') not valid;
alter table ingest.staff alter column password_argon2 drop not null;   -- null: not set yet, or signs in elsewhere
alter table ingest.staff add column totp_sealed bytea;                 -- AES-GCM under a key that the database does not hold
alter table ingest.staff add column totp_confirmed_at timestamptz;
alter table ingest.staff add column totp_last_step bigint;             -- a code counts once
alter table ingest.staff add column oidc_issuer text;
alter table ingest.staff add column oidc_subject text;
alter table ingest.staff add constraint staff_oidc unique (practice_id, oidc_issuer, oidc_subject);
alter table ingest.staff add constraint oidc_whole check ((oidc_issuer is null) = (oidc_subject is null));

-- The OpenID provider of a practice; a client secret, if it needs one, is a file of the console's.
create table ingest.identity_provider (
    practice_id      uuid primary key references ingest.practice,
    issuer           text not null check (issuer ~ '^https?://'),
    client_id        text not null,
    second_factor_amr text[] not null default '{mfa,otp,hwk,swk,fpt,face}'  -- any of them counts; RFC 8176
);

-- A patient or a carer, as somebody who signs in. Each sees one patient.
create table ingest.home_person (
    practice_id  uuid not null,
    person_id    uuid not null default gen_random_uuid(),
    patient_id   uuid not null,
    role         text not null check (role in ('patient', 'carer')),
    display_name text not null,
    added_by     uuid not null,
    added_at     timestamptz not null,
    disabled_at  timestamptz,
    primary key (practice_id, person_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, added_by) references ingest.staff (practice_id, staff_id)
);
create unique index one_account_of_a_patient on ingest.home_person (practice_id, patient_id)
    where role = 'patient' and disabled_at is null;

-- Codes that count once: to claim a gateway, to set one's first password, to sign in from home. The locator finds the row,
-- the secret behind it is stored as an argon2 hash, and five wrong secrets void it.
create table ingest.one_time_code (
    practice_id   uuid not null references ingest.practice,
    code_id       uuid not null default gen_random_uuid(),
    purpose       text not null check (purpose in ('claim_gateway', 'invite_staff', 'home_sign_in')),
    locator       text not null,
    secret_argon2 text not null,
    gateway_id    text,
    staff_id      uuid,
    person_id     uuid,
    created_by    uuid,                             -- null: the command line
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    wrong_tries   integer not null default 0,
    used_at       timestamptz,
    voided_at     timestamptz,
    primary key (practice_id, code_id),
    foreign key (practice_id, gateway_id) references ingest.gateway (practice_id, gateway_id),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, person_id) references ingest.home_person (practice_id, person_id),
    check (num_nonnulls(gateway_id, staff_id, person_id) = 1),
    check (created_at < expires_at)
);
-- Drawn by the server; a locator that is taken is drawn again.
create unique index one_living_locator on ingest.one_time_code (purpose, locator)
    where used_at is null and voided_at is null;
-- Of two who issue at once, the later one's code lives.
create unique index one_living_code on ingest.one_time_code
    (practice_id, purpose, coalesce(gateway_id, staff_id::text, person_id::text))
    where used_at is null and voided_at is null;

-- A session is one person's, at work or at home.
alter table ingest.session alter column staff_id drop not null;
alter table ingest.session add column person_id uuid;
alter table ingest.session add column signed_in_by text not null default 'password' check (signed_in_by in
    ('password', 'password_and_totp', 'openid_provider', 'one_time_code'));
alter table ingest.session add column proved_at timestamptz;           -- when the person last proved who they are
alter table ingest.session add constraint session_person foreign key (practice_id, person_id)
    references ingest.home_person (practice_id, person_id);
alter table ingest.session add constraint session_of_one check (num_nonnulls(staff_id, person_id) = 1);
create index session_by_person on ingest.session (practice_id, staff_id, created_at);

call ingest.wall('ingest.identity_provider');
-- Found before it is known whose they are, so by practice only; the role that finds them has no other business.
call ingest.wall('ingest.home_person', by_patient => false);
call ingest.wall('ingest.one_time_code');

-- The entrance: finds out who is at the door. It sees accounts, sessions and codes of all practices and nothing else.
grant usage on schema ingest to homevitals_entrance;
grant select on ingest.practice, ingest.identity_provider, ingest.home_person, ingest.gateway to homevitals_entrance;
grant select, update (password_argon2, totp_sealed, totp_confirmed_at, totp_last_step, oidc_issuer, oidc_subject)
    on ingest.staff to homevitals_entrance;
grant select, insert, update, delete on ingest.session to homevitals_entrance;
grant select, update (wrong_tries, used_at, voided_at) on ingest.one_time_code to homevitals_entrance;
create policy wide_entrance on ingest.practice for select to homevitals_entrance using (true);
create policy wide_entrance on ingest.identity_provider for select to homevitals_entrance using (true);
create policy wide_entrance on ingest.staff to homevitals_entrance using (true);
create policy wide_entrance on ingest.home_person for select to homevitals_entrance using (true);
create policy wide_entrance on ingest.session to homevitals_entrance using (true);
create policy wide_entrance on ingest.one_time_code to homevitals_entrance using (true);
create policy wide_entrance on ingest.gateway to homevitals_entrance using (true);

-- The console works for people whose practice is known, and no longer opens sessions itself.
revoke insert, update on ingest.session from homevitals_console;
grant select, insert on ingest.home_person, ingest.one_time_code to homevitals_console;
grant update (disabled_at) on ingest.home_person to homevitals_console;
grant update (voided_at) on ingest.one_time_code to homevitals_console;
grant insert, update (display_name, role, disabled_at, password_argon2, totp_sealed, totp_confirmed_at, totp_last_step)
    on ingest.staff to homevitals_console;
grant select on ingest.identity_provider to homevitals_console;
grant insert on ingest.patient, ingest.peripheral, ingest.assignment to homevitals_console;
grant update (valid_until) on ingest.assignment to homevitals_console;
