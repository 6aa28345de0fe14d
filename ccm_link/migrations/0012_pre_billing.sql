-- What billing asks for beside work and programs: who bills, since when a home measures, what a person settled; what is
-- made of it: the state of each month, and claims with all that they rest on.

-- Who bills, from a day on until the next row begins. Nothing is changed: who corrects one adds another for the same day,
-- and the one recorded last holds. What is not known is null, and a claim that needs it is not written.
create table ccm.practice_billing (
    practice_id      uuid not null references ingest.practice,
    billing_number   bigint generated always as identity,
    from_on          date not null,
    site             text not null check (site <> ''),                  -- kind of the site, in the words of the tables
    prefers_personal boolean not null,              -- whether the practitioner's own minutes are billed where they reach a code
    legal_name       text check (legal_name <> ''),
    npi              text check (npi ~ '^[0-9]{10}$'),
    tax_number       text check (tax_number ~ '^[0-9]{9}$'),
    street           text check (street <> ''),
    city             text check (city <> ''),
    state            text check (state ~ '^[A-Z]{2}$'),
    zip_code         text check (zip_code ~ '^[0-9]{9}$'),             -- with its last four: a claim wants them
    place_of_service text check (place_of_service ~ '^[0-9]{2}$'),
    contact_name     text check (contact_name <> ''),
    contact_phone    text check (contact_phone ~ '^[0-9]{10}$'),
    recorded_by      text not null,
    recorded_at      timestamptz not null,
    primary key (practice_id, billing_number)
);

-- Under which name somebody bills, for nobody can tell a family name from a given one. The row recorded last holds.
create table ccm.billing_name (
    practice_id  uuid not null,
    name_number  bigint generated always as identity,
    staff_id     uuid not null,
    family_name  text not null check (family_name <> ''),
    given_names  text not null check (given_names <> ''),
    recorded_by  text not null,
    recorded_at  timestamptz not null,
    primary key (practice_id, name_number),
    foreign key (practice_id, staff_id) references ingest.staff
);
create index billing_name_by_person on ccm.billing_name (practice_id, staff_id, name_number);

-- Episodes of monitoring at home, begun and ended by a person. A replaced device goes on in the same one.
create table ccm.monitoring (
    practice_id      uuid not null,
    monitoring_id    uuid not null default gen_random_uuid(),
    patient_id       uuid not null,
    program          text not null check (program <> ''),
    started_on       date not null,                 -- the patient's day; the 30-day blocks are counted from it
    ended_on         date not null default 'infinity',                  -- the last day; an instant that lasts: it goes on
    set_up_billed    boolean,                       -- whether it was billed before, as the person said; null: not known
    started_by       text not null,
    recorded_at      timestamptz not null,
    ended_by         text,
    end_recorded_at  timestamptz,
    end_reason       text check (end_reason <> ''),
    primary key (practice_id, monitoring_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    check (started_on <= ended_on),
    check ((ended_on = 'infinity') = (ended_by is null) and (ended_by is null) = (end_reason is null)
           and (ended_by is null) = (end_recorded_at is null))
);
create unique index one_open_monitoring on ccm.monitoring (practice_id, patient_id, program) where ended_on = 'infinity';
create index monitoring_by_patient on ccm.monitoring (practice_id, patient_id, started_on);

-- What a person decided about a hold of a patient's month. Rows are only added; of one hold the newest counts.
create table ccm.settled_hold (
    practice_id    uuid not null,
    settled_number bigint generated always as identity,
    patient_id     uuid not null,
    month_on       date not null check (extract(day from month_on) = 1),
    hold_key       text not null check (hold_key <> ''),
    is_settled     boolean not null,                -- false: opened again
    reason         text not null check (reason <> ''),
    staff_id       uuid not null,
    at             timestamptz not null,
    primary key (practice_id, settled_number),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, staff_id) references ingest.staff
);
create index settled_hold_by_month on ccm.settled_hold (practice_id, patient_id, month_on, hold_key, settled_number desc);

-- How a patient's month stood when it was last worked out, for lists; the month's page works it out itself.
create table ccm.month_state (
    practice_id     uuid not null,
    month_on        date not null check (extract(day from month_on) = 1),
    patient_id      uuid not null,
    worked_out_at   timestamptz not null,
    proposed        jsonb not null,                 -- [[code, units, day of service], …]
    held            jsonb not null,
    seconds         jsonb not null,                 -- counted, by program
    stops           smallint not null,              -- open holds that stop a line
    asks            smallint not null,              -- open holds that only ask for a look
    next_code       text,                           -- the nearest that can still be reached
    next_seconds    integer,
    next_days       smallint,
    next_by_on      date,
    lost            text[] not null,                -- codes that cannot be reached any more
    primary key (practice_id, month_on, patient_id),
    foreign key (practice_id, patient_id) references ingest.patient
);

create table ccm.claim (
    practice_id     uuid not null,
    claim_id        uuid not null default gen_random_uuid(),
    claim_number    bigint generated always as identity,                -- as people and payers call it
    patient_id      uuid not null,
    month_on        date not null check (extract(day from month_on) = 1),
    practitioner_id uuid,                           -- null: not known, and then nobody can attest it
    payer           text,
    state           text not null default 'proposed' check (state in
                        ('proposed', 'attested', 'exported', 'submitted', 'paid', 'denied', 'corrected', 'void')),
    facts_sha256    bytea not null,                 -- of all that the lines rest on; another one: the facts have changed
    tables          text,                           -- names of the tables that were applied, from attestation on
    tables_sha256   bytea,                          -- of their texts
    diagnoses       text[] not null,                -- ICD-10-CM, in the order that the lines point into
    replaces        uuid,                           -- the claim that this one corrects
    proposed_at     timestamptz not null,
    row_version     integer not null default 1,     -- a form that was drawn from an older row is refused
    primary key (practice_id, claim_id),
    unique (practice_id, claim_id, patient_id),
    unique (claim_number, practice_id),
    foreign key (practice_id, patient_id) references ingest.patient,
    foreign key (practice_id, practitioner_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, replaces, patient_id) references ccm.claim (practice_id, claim_id, patient_id),
    check (state = 'proposed' or (practitioner_id is not null and tables is not null and tables_sha256 is not null))
);
-- One claim of a practitioner for a patient's month, whatever is retried.
create unique index one_claim_for_a_month on ccm.claim (practice_id, patient_id, month_on, practitioner_id)
    nulls not distinct where state not in ('corrected', 'void');
-- By month first, and numbers likewise: statistics that do not know a new practice yet take each index that begins with the
-- practice for as good as the key, and then each look at one claim reads all of the practice (measured).
create index claim_by_month on ccm.claim (month_on, practice_id, state);

create table ccm.claim_line (
    practice_id        uuid not null,
    claim_id           uuid not null,
    line_number        smallint not null check (line_number between 1 and 50),     -- as many as an 837P claim holds
    patient_id         uuid not null,
    program            text not null,
    code               text not null check (code ~ '^[0-9A-Z]{5}$'),
    units              smallint not null check (units between 1 and 999),
    is_set_up          boolean not null,            -- billed once in an episode of monitoring
    service_on         date not null,
    first_on           date not null,
    last_on            date not null,
    diagnosis_pointers smallint[] not null,         -- places in the claim's diagnoses, from 1
    rules              jsonb,                       -- the rows that led to it, the code's own first; from attestation on
    is_live            boolean not null default true,
    primary key (practice_id, claim_id, line_number),
    foreign key (practice_id, claim_id, patient_id) references ccm.claim (practice_id, claim_id, patient_id)
        on delete cascade,
    check (first_on <= last_on)
);
-- A code for a patient's period is claimed once, whoever of the practice bills it.
create unique index one_line_for_a_period on ccm.claim_line (practice_id, patient_id, code, last_on) where is_live;

-- What units rest on, as it was attested: seconds of time entries, and days with their readings.
create table ccm.claim_share (
    practice_id uuid not null,
    claim_id    uuid not null,
    line_number smallint not null,
    unit_number smallint not null,
    patient_id  uuid not null,
    entry_id    uuid not null,
    from_at     timestamptz not null,
    until_at    timestamptz not null,
    primary key (practice_id, claim_id, line_number, unit_number, entry_id, from_at),
    foreign key (practice_id, claim_id, line_number) references ccm.claim_line on delete cascade,
    foreign key (practice_id, claim_id, patient_id) references ccm.claim (practice_id, claim_id, patient_id),
    foreign key (practice_id, entry_id, patient_id) references ccm.time_entry (practice_id, entry_id, patient_id),
    check (from_at < until_at)
);
create index claim_share_by_entry on ccm.claim_share (practice_id, entry_id);
create table ccm.claim_day (
    practice_id uuid not null,
    claim_id    uuid not null,
    line_number smallint not null,
    patient_id  uuid not null,
    day         date not null,
    reading_ids uuid[] not null check (cardinality(reading_ids) > 0),
    primary key (practice_id, claim_id, line_number, day),
    foreign key (practice_id, claim_id, line_number) references ccm.claim_line on delete cascade,
    foreign key (practice_id, claim_id, patient_id) references ccm.claim (practice_id, claim_id, patient_id)
);
create index claim_day_by_patient on ccm.claim_day (practice_id, patient_id, day);

-- Files that were written for whoever takes claims to a payer; the number counts interchanges.
create table ccm.claim_export (
    practice_id   uuid not null references ingest.practice,
    export_number bigint generated always as identity,
    format        text not null check (format in ('csv', 'fhir', 'x12')),
    file_sha256   bytea not null,
    claim_count   integer not null check (claim_count > 0),
    at            timestamptz not null,
    made_by       text not null,
    primary key (practice_id, export_number)
);

-- What became of a claim from its attestation on; rows are only added.
create table ccm.claim_event (
    practice_id   uuid not null,
    event_number  bigint generated always as identity,
    claim_id      uuid not null,
    patient_id    uuid not null,
    state         text not null check (state in
                      ('attested', 'exported', 'submitted', 'paid', 'denied', 'corrected', 'void')),
    at            timestamptz not null,
    made_by       text not null,
    reference     text not null default '',         -- the payer's number of the claim, a check, a letter
    denial_codes  text[] not null default '{}',
    paid_cents    bigint check (paid_cents >= 0),
    note          text not null default '',
    export_number bigint,
    primary key (practice_id, event_number),
    foreign key (practice_id, claim_id, patient_id) references ccm.claim (practice_id, claim_id, patient_id),
    foreign key (practice_id, export_number) references ccm.claim_export,
    check (state = 'denied' or denial_codes = '{}'),
    check (state = 'paid' or paid_cents is null)
);
create index claim_event_by_claim on ccm.claim_event (practice_id, claim_id, event_number);

-- What a person attested stays as it was: of a claim only its state goes on, of a line only whether it still stands.
create function ccm.keep_claims() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        if old.state <> 'proposed' then
            raise exception 'an attested claim is never deleted';
        end if;
        return old;
    end if;
    if old.state <> 'proposed' and (new.state = 'proposed' or (to_jsonb(new) - array['state', 'row_version'])
            is distinct from (to_jsonb(old) - array['state', 'row_version'])) then
        raise exception 'an attested claim is never changed; void or correct it';
    end if;
    if old.state in ('corrected', 'void') then
        raise exception 'this claim was given up';
    end if;
    return new;
end $$;
create trigger keep_claims before update or delete on ccm.claim for each row execute function ccm.keep_claims();

create function ccm.give_up_lines() returns trigger language plpgsql as $$
begin
    update ccm.claim_line set is_live = false where practice_id = new.practice_id and claim_id = new.claim_id;
    return null;
end $$;
create trigger give_up_lines after update of state on ccm.claim for each row
    when (new.state in ('corrected', 'void') and old.state not in ('corrected', 'void'))
    execute function ccm.give_up_lines();

-- Where a proposal is deleted with its parts it is run with the rights of the tables' owner.
create function ccm.keep_claim_parts() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    part record := case tg_op when 'DELETE' then old else new end;
    claim_state text;
begin
    select state into claim_state from ccm.claim where practice_id = part.practice_id and claim_id = part.claim_id;
    if claim_state is distinct from 'proposed' and claim_state is not null then
        -- Through JSON, for the other tables have no such column.
        if tg_table_name = 'claim_line' and tg_op = 'UPDATE' and claim_state in ('corrected', 'void')
                and to_jsonb(new) ->> 'is_live' = 'false'
                and to_jsonb(new) - 'is_live' = to_jsonb(old) - 'is_live' then
            return new;
        end if;
        raise exception 'what an attested claim rests on is never changed';
    end if;
    return part;
end $$;
create trigger keep_claim_parts before insert or update or delete on ccm.claim_line
    for each row execute function ccm.keep_claim_parts();
create trigger keep_claim_parts before insert or update or delete on ccm.claim_share
    for each row execute function ccm.keep_claim_parts();
create trigger keep_claim_parts before insert or update or delete on ccm.claim_day
    for each row execute function ccm.keep_claim_parts();

call ingest.wall('ccm.practice_billing');
call ingest.wall('ccm.billing_name');
call ingest.wall('ccm.monitoring');
call ingest.wall('ccm.settled_hold');
call ingest.wall('ccm.month_state');
call ingest.wall('ccm.claim');
call ingest.wall('ccm.claim_line');
call ingest.wall('ccm.claim_share');
call ingest.wall('ccm.claim_day');
call ingest.wall('ccm.claim_export');
call ingest.wall('ccm.claim_event');

grant select, insert on ccm.practice_billing, ccm.billing_name, ccm.settled_hold, ccm.claim_export, ccm.claim_event
    to homevitals_console;
grant select, insert, update (ended_on, ended_by, end_recorded_at, end_reason) on ccm.monitoring to homevitals_console;
grant select, insert, update, delete on ccm.month_state to homevitals_console;
grant select, insert, update, delete on ccm.claim to homevitals_console;
grant select, insert, delete, update (rules, is_live) on ccm.claim_line to homevitals_console;
grant select, insert on ccm.claim_share, ccm.claim_day to homevitals_console;
-- The number of a file stands in the file, so it is drawn before the row is written.
grant usage on sequence ccm.claim_export_export_number_seq to homevitals_console;
