-- Assignments keep their history, and readings follow them: people change assignments, never readings.

-- An assignment ends once. What was wrong is voided with a reason and stays; what is right instead points at it.
alter table ingest.assignment
    add column assigned_at timestamptz,             -- null: one of before
    add column ended_at    timestamptz,             -- when somebody said that it ends; valid_until is when it did
    add column ended_by    text,
    add column voided_at   timestamptz,
    add column voided_by   text,
    add column void_reason text check (void_reason <> ''),
    add column replaces    uuid,
    add constraint assignment_replaces foreign key (practice_id, replaces) references ingest.assignment,
    add constraint assignment_ended check ((ended_at is null) = (ended_by is null)),
    add constraint assignment_voided check (
        (voided_at is null) = (voided_by is null) and (voided_at is null) = (void_reason is null));
alter table ingest.assignment drop constraint one_patient_at_a_time;
alter table ingest.assignment add constraint one_patient_at_a_time exclude using gist (
    ingest.slot_span(
        row(peripheral_id, coalesce(user_slot, -1), valid_from)::ingest.slot_instant,
        row(peripheral_id, coalesce(user_slot, -1), valid_until)::ingest.slot_instant
    ) with &&) where (voided_at is null);
create index assignment_by_peripheral on ingest.assignment (practice_id, peripheral_id);

-- What ingest has to look through again, committed with the change of an assignment, deleted with the last reading that
-- follows. The place of the next look moves forward with each batch.
create table ingest.attribution_work (
    queue_id      bigint generated always as identity primary key,
    practice_id   uuid not null,
    peripheral_id uuid not null,
    user_slot     smallint,
    from_at       timestamptz not null,
    after_id      uuid not null default '00000000-0000-0000-0000-000000000000',   -- the last reading looked at, at from_at
    until_at      timestamptz not null,
    made_by       text not null,
    queued_at     timestamptz not null,
    due_at        timestamptz not null,
    attempts      integer not null default 0,       -- looks that failed
    last_error    text,                             -- the kind of the last failure, without any content
    foreign key (practice_id, peripheral_id) references ingest.peripheral
);
create index attribution_work_due on ingest.attribution_work (due_at);
call ingest.wall('ingest.attribution_work');

grant update (ended_at, ended_by, voided_at, voided_by, void_reason) on ingest.assignment to homevitals_console;
grant select, insert on ingest.attribution_work to homevitals_console;
grant select, update, delete on ingest.attribution_work to homevitals_ingest;
-- A worker takes the oldest work of whoever it is, and then works for that practice alone.
create policy wide_ingest on ingest.attribution_work to homevitals_ingest using (true);

-- Which peripherals are, or were, those of patients whom the member of staff in force does not see: that somebody has
-- them, not who. The function forgets for its own duration which member of staff asks, so that no wall hides the
-- assignments from it.
create function ingest.peripherals_of(of_practice uuid, of_patients uuid[])
returns table (peripheral_id uuid, user_slot smallint, is_open boolean) language plpgsql as $$
declare
    asking constant text := coalesce(current_setting('homevitals.staff', true), '');
begin
    perform set_config('homevitals.staff', '', true);
    return query
        select assignment.peripheral_id, assignment.user_slot, bool_or(assignment.valid_until > ingest.instant_in_force())
        from ingest.assignment
        where assignment.practice_id = of_practice and assignment.patient_id = any (of_patients)
          and assignment.voided_at is null
        group by assignment.peripheral_id, assignment.user_slot;
    perform set_config('homevitals.staff', asking, true);
end $$;
