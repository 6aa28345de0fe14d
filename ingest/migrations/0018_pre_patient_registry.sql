-- Who is still cared for here, since when and why not; and what else is known of who a patient is, with what it was before.

alter table ingest.patient
    add column standing text not null default 'active'
        check (standing in ('active', 'inactive', 'deceased', 'transferred')),
    add column standing_since timestamptz,          -- null: active since the beginning
    add column family_name text check (family_name <> ''),
    add column given_names text check (given_names <> ''),
    -- Codes of FHIR R4: AdministrativeGender, and birth sex of US Core. Null: not known here.
    add column administrative_gender text check (administrative_gender in ('male', 'female', 'other', 'unknown')),
    add column birth_sex text check (birth_sex in ('F', 'M', 'OTH', 'ASKU', 'UNK')),
    add column language text check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$');    -- BCP 47
-- The few whom every list and every count leave out.
create index patient_not_active on ingest.patient (practice_id, patient_id) where standing <> 'active';

-- What was ever recorded of a patient's standing. The last row that was not withdrawn holds; one that is over is left as it
-- is, and one that was wrong is withdrawn: the one before it then holds as if there had been no other.
create table ingest.patient_standing (
    practice_id    uuid not null,
    standing_id    uuid not null default gen_random_uuid(),
    patient_id     uuid not null,
    standing       text not null check (standing in ('active', 'inactive', 'deceased', 'transferred')),
    since_at       timestamptz not null,            -- from when on it holds
    died_on        date,                            -- the day where the patient lived; null: not known
    died_at        timestamptz,                     -- null: the time is not known
    transferred_to text check (transferred_to <> ''),
    reason         text not null check (reason <> ''),
    recorded_by    text not null,
    recorded_at    timestamptz not null,
    withdrawn_at   timestamptz,
    withdrawn_by   text,
    withdrawn_why  text check (withdrawn_why <> ''),
    primary key (practice_id, standing_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (since_at <= recorded_at and died_at <= recorded_at),
    check (standing = 'deceased' or (died_on is null and died_at is null)),
    check (died_at is null or died_on is not null),
    check (standing = 'transferred' or transferred_to is null),
    check ((withdrawn_at is null) = (withdrawn_by is null) and (withdrawn_at is null) = (withdrawn_why is null))
);
create unique index one_standing_at_a_time on ingest.patient_standing (practice_id, patient_id, since_at)
    where withdrawn_at is null;

-- Append-only but for being withdrawn, once.
create function ingest.keep_standing() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'a standing is never deleted; withdraw it';
    end if;
    if old.withdrawn_at is not null
       or (to_jsonb(new) - array['withdrawn_at', 'withdrawn_by', 'withdrawn_why'])
          is distinct from (to_jsonb(old) - array['withdrawn_at', 'withdrawn_by', 'withdrawn_why']) then
        raise exception 'a standing is never changed; withdraw it, or record the next';
    end if;
    return new;
end $$;
create trigger keep_standing before update or delete on ingest.patient_standing
    for each row execute function ingest.keep_standing();

-- Whoever records or withdraws a standing has the patient's own row say so: nothing else has to think of it.
create function ingest.follow_standing() returns trigger language plpgsql as $$
declare
    held record;
begin
    select standing, since_at into held from ingest.patient_standing
    where practice_id = new.practice_id and patient_id = new.patient_id and withdrawn_at is null
    order by since_at desc limit 1;
    update ingest.patient set standing = coalesce(held.standing, 'active'), standing_since = held.since_at
    where practice_id = new.practice_id and patient_id = new.patient_id;
    return null;
end $$;
create trigger follow_standing after insert or update on ingest.patient_standing
    for each row execute function ingest.follow_standing();

-- When patients were not active: the times that no count has, by patient. Who always was has no row.
create view ingest.inactive_time with (security_invoker = true) as
    select practice_id, patient_id, range_agg(tstzrange(since_at, until_at)) as spans
    from (
        select practice_id, patient_id, standing, since_at,
               lead(since_at, 1, 'infinity') over (partition by practice_id, patient_id order by since_at) as until_at
        from ingest.patient_standing
        where withdrawn_at is null
    ) held
    where standing <> 'active'
    group by practice_id, patient_id;

-- What was corrected of who a patient is. Both hold only what was changed.
create table ingest.patient_change (
    practice_id uuid not null,
    change_id   uuid not null default gen_random_uuid(),
    patient_id  uuid not null,
    changed_at  timestamptz not null,
    changed_by  text not null,
    reason      text not null check (reason <> ''),
    before      jsonb not null check (jsonb_typeof(before) = 'object'),
    after       jsonb not null check (jsonb_typeof(after) = 'object'),
    primary key (practice_id, change_id),
    foreign key (practice_id, patient_id) references ingest.patient
);
create index patient_change_by_patient on ingest.patient_change (practice_id, patient_id, changed_at);
create function ingest.keep_patient_change() returns trigger language plpgsql as
    $$ begin raise exception 'what was changed of a patient is never changed itself'; end $$;
create trigger keep_patient_change before update or delete or truncate on ingest.patient_change
    for each statement execute function ingest.keep_patient_change();

call ingest.wall('ingest.patient_standing');
call ingest.wall('ingest.patient_change');

grant select, insert, update (withdrawn_at, withdrawn_by, withdrawn_why) on ingest.patient_standing to homevitals_console;
grant select, insert on ingest.patient_change to homevitals_console;
grant update (display_name, family_name, given_names, born_on, record_number, time_zone, administrative_gender, birth_sex,
              language, standing, standing_since) on ingest.patient to homevitals_console;
grant select on ingest.inactive_time to homevitals_console, homevitals_alerts, homevitals_scheduler;
-- Rules call nobody about who is not active, and the clock does not miss their readings.
grant select (standing, standing_since) on ingest.patient to homevitals_alerts;
grant select (practice_id, patient_id, standing, since_at, withdrawn_at) on ingest.patient_standing
    to homevitals_alerts, homevitals_scheduler;
-- Numbers of each practice for the log leave out who is not active.
create policy wide_scheduler on ingest.patient_standing for select to homevitals_scheduler using (true);

-- What runs with the owner's rights is called by whom it was made for, and knows the names of the server first. Everybody may
-- make temporary tables and types: whoever may execute a trigger's function could put it on such a table, and so write past the
-- walls; and where pg_temp is not named as the last place, it is the first one in which a type such as “text” is looked for.
do $$
declare
    called regprocedure;
begin
    for called in
        select oid from pg_proc where pronamespace = 'ingest'::regnamespace and prosecdef
    loop
        execute format('revoke execute on function %s from public', called);
        execute format('alter function %s set search_path = pg_catalog, pg_temp', called);
    end loop;
end $$;
