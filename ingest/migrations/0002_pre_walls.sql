-- Walls between practices, held by the database: row-level security on every table, a filtered view before the series.
--
-- A transaction says for whom it works by transaction-local settings (ingest/tenancy.py): homevitals.practice (an array of
-- practices: one for a person, several for a batch of ingest), homevitals.staff, homevitals.patient and homevitals.at.
-- Without them it sees no row. What is visible beyond that stands below as policies named “wide_…”, each with its reason.

-- Null when the setting is missing, and when it is empty as it is after the transaction that set it.
create function ingest.practices_in_force() returns uuid[] language sql stable as
    $$ select nullif(current_setting('homevitals.practice', true), '')::uuid[] $$;
create function ingest.staff_in_force() returns uuid language sql stable as
    $$ select nullif(current_setting('homevitals.staff', true), '')::uuid $$;
create function ingest.patient_in_force() returns uuid language sql stable as
    $$ select nullif(current_setting('homevitals.patient', true), '')::uuid $$;
create function ingest.instant_in_force() returns timestamptz language sql stable as
    $$ select coalesce(nullif(current_setting('homevitals.at', true), '')::timestamptz, now()) $$;

-- Access to some patients is limited to their care team: staff members, relatives, people in the news.
create table ingest.restriction (
    practice_id    uuid not null,
    patient_id     uuid not null,
    restricted_at  timestamptz not null,
    ended_at       timestamptz not null default 'infinity',
    reason         text not null check (reason <> ''),
    restricted_by  uuid not null,
    primary key (practice_id, patient_id, restricted_at),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, restricted_by) references ingest.staff (practice_id, staff_id),
    check (restricted_at < ended_at)
);
create unique index one_open_restriction on ingest.restriction (practice_id, patient_id) where ended_at = 'infinity';

create table ingest.care_team_member (
    practice_id  uuid not null,
    patient_id   uuid not null,
    staff_id     uuid not null,
    joined_at    timestamptz not null,
    left_at      timestamptz not null default 'infinity',
    added_by     uuid not null,
    primary key (practice_id, patient_id, staff_id, joined_at),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    check (joined_at < left_at)
);

-- Emergency access to one restricted patient: a grant with a reason and an end, reviewed by another person.
create table ingest.break_glass (
    practice_id   uuid not null,
    grant_id      uuid not null default gen_random_uuid(),
    patient_id    uuid not null,
    staff_id      uuid not null,
    reason        text not null check (reason in ('emergency', 'cover', 'patient_asks', 'other')),
    explanation   text not null check (explanation <> ''),
    granted_at    timestamptz not null,
    expires_at    timestamptz not null,
    review_due_at timestamptz not null,
    reviewed_at   timestamptz,
    reviewed_by   uuid,
    verdict       text check (verdict in ('justified', 'not_justified')),
    review_note   text,
    primary key (practice_id, grant_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, reviewed_by) references ingest.staff (practice_id, staff_id),
    check (granted_at < expires_at and expires_at <= granted_at + interval '4 hours'),
    check ((reviewed_at is null) = (reviewed_by is null) and (reviewed_at is null) = (verdict is null)
           and (reviewed_at is null) = (review_note is null)),
    check (reviewed_by <> staff_id)                 -- nobody reviews their own
);
create index break_glass_by_person on ingest.break_glass (practice_id, staff_id, expires_at);

-- The restricted patients that the signed-in member of staff may not see: not of the care team, no grant in force.
-- None for services, which say no member of staff. Asked once per statement (policies call it in a sub-select).
create function ingest.hidden_patients() returns uuid[] language sql stable as $$
    select coalesce(array_agg(restriction.patient_id), '{}')
    from ingest.restriction
    where ingest.staff_in_force() is not null
      and restriction.practice_id = any (ingest.practices_in_force()) and restriction.ended_at = 'infinity'
      and not exists (
          select from ingest.care_team_member member
          where member.practice_id = restriction.practice_id and member.patient_id = restriction.patient_id
            and member.staff_id = ingest.staff_in_force() and member.left_at = 'infinity')
      and not exists (
          select from ingest.break_glass granted
          where granted.practice_id = restriction.practice_id and granted.patient_id = restriction.patient_id
            and granted.staff_id = ingest.staff_in_force() and granted.expires_at > ingest.instant_in_force())
$$;

-- Which records are restricted, for a page from which emergency access is asked for or the restriction is ended. The
-- function forgets for its own duration which member of staff asks, so that no wall hides the patients from it; the name is
-- for those who restrict.
create function ingest.identities(of_practice uuid, of_patients uuid[])
returns table (patient_id uuid, record_number text, display_name text) language plpgsql as $$
declare
    asking constant text := coalesce(current_setting('homevitals.staff', true), '');
begin
    perform set_config('homevitals.staff', '', true);
    return query
        select patient.patient_id, patient.record_number, patient.display_name
        from ingest.patient
        where patient.practice_id = of_practice and patient.patient_id = any (of_patients);
    perform set_config('homevitals.staff', asking, true);
end $$;

-- Puts a table behind the walls: its practice always, its patient where it has a column for one. FORCE binds the owner too.
-- The patient's wall is restrictive: whatever else a policy allows, a person at home sees one patient, and staff no hidden one.
create procedure ingest.wall(walled regclass, by_patient boolean default true) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', walled);
    execute format('alter table %s force row level security', walled);
    execute format('create policy practice_wall on %s using (practice_id = any (ingest.practices_in_force()))', walled);
    if by_patient and exists (select from pg_attribute where attrelid = walled and attname = 'patient_id') then
        execute format(
            'create policy patient_wall on %s as restrictive using ('
            '(ingest.patient_in_force() is null or patient_id = ingest.patient_in_force())'
            ' and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false))', walled);
    end if;
end $$;

call ingest.wall('ingest.practice');
call ingest.wall('ingest.staff');
call ingest.wall('ingest.session');
call ingest.wall('ingest.patient');
call ingest.wall('ingest.gateway');
call ingest.wall('ingest.peripheral');
call ingest.wall('ingest.assignment');
call ingest.wall('ingest.message');
call ingest.wall('ingest.record_key');
call ingest.wall('ingest.glucose_context');
call ingest.wall('ingest.quarantine');
call ingest.wall('ingest.security_event');
call ingest.wall('ingest.evaluation_queue');
-- These three decide who is hidden, so they cannot be hidden by patient: the walls would ask each other for ever.
call ingest.wall('ingest.restriction', by_patient => false);
call ingest.wall('ingest.care_team_member', by_patient => false);
call ingest.wall('ingest.break_glass', by_patient => false);

-- TimescaleDB refuses columnstore and continuous aggregates on tables with row security. Therefore the series itself has no
-- grants at all, and services reach it through this view: the barrier keeps a function of the caller's from seeing rows
-- before the walls have spoken, the check option keeps a row from being written into another practice.
alter table ingest.reading rename to reading_series;
revoke all on ingest.reading_series from homevitals_ingest, homevitals_alerts, homevitals_console;
create view ingest.reading with (security_barrier = true) as
    select * from ingest.reading_series
    where practice_id = any (ingest.practices_in_force())
      and (ingest.patient_in_force() is null or patient_id = ingest.patient_in_force())
      and not coalesce(patient_id = any ((select ingest.hidden_patients())::uuid[]), false)
    with cascaded check option;
grant select on ingest.reading to homevitals_alerts, homevitals_console;
grant select, insert on ingest.reading to homevitals_ingest;

create or replace function ingest.ensure_series(from_at timestamptz, until_at timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog as $$
declare
    month_at timestamp := date_trunc('month', from_at at time zone 'UTC');
    made integer := 0;
    partition_name text;
begin
    if (select engine from ingest.series_engine) = 'timescaledb' then
        return 0;
    end if;
    if until_at - from_at > interval '10 years' then
        raise exception 'ensure_series: refuses a span above ten years';
    end if;
    perform pg_advisory_xact_lock(hashtext('ingest.ensure_series'));
    while month_at <= until_at at time zone 'UTC' loop
        partition_name := 'reading_' || to_char(month_at, 'YYYY_MM');
        if to_regclass('ingest.' || partition_name) is null then
            execute format(
                'create table ingest.%I partition of ingest.reading_series for values from (%L) to (%L)',
                partition_name, month_at::text || '+00', (month_at + interval '1 month')::text || '+00');
            made := made + 1;
        end if;
        month_at := month_at + interval '1 month';
    end loop;
    return made;
end $$;

-- A resend of the same bytes must not pile up, and one practice's bytes must not hide another's.
drop index ingest.quarantine_once;
create unique index quarantine_once on ingest.quarantine
    (coalesce(practice_id, '00000000-0000-0000-0000-000000000000'), topic, coalesce(outbox_epoch, ''),
     coalesce(outbox_seq, -1), reason, content_sha256);

-- Wide views of single services, each with its reason. Nobody who signs in has one.
-- The certificate's name says which gateway speaks; only then is its practice known.
create policy wide_ingest on ingest.gateway to homevitals_ingest using (true);
-- What no known gateway sent belongs to no practice, and must not be lost for that.
create policy wide_ingest on ingest.quarantine to homevitals_ingest using (practice_id is null);
create policy wide_ingest on ingest.message to homevitals_ingest using (practice_id is null);
create policy wide_ingest on ingest.security_event to homevitals_ingest using (practice_id is null);
-- An evaluator takes the oldest work of whoever it is, and then works for that practice alone.
create policy wide_alerts on ingest.evaluation_queue to homevitals_alerts using (true);
-- Counts for the log (how old is the oldest work, how many gateways are silent) and the end of old sessions.
create policy wide_scheduler on ingest.evaluation_queue for select to homevitals_scheduler using (true);
create policy wide_scheduler on ingest.gateway for select to homevitals_scheduler using (true);
create policy wide_scheduler on ingest.session to homevitals_scheduler using (true);

grant select on ingest.restriction, ingest.care_team_member, ingest.break_glass
    to homevitals_ingest, homevitals_alerts, homevitals_console, homevitals_scheduler;
grant insert, update (ended_at) on ingest.restriction to homevitals_console;
grant insert, update (left_at) on ingest.care_team_member to homevitals_console;
grant insert, update (reviewed_at, reviewed_by, verdict, review_note) on ingest.break_glass to homevitals_console;
