-- What people do with an episode while it is open: somebody acknowledges it, or lets it wait for a while.

alter table alerts.episode
    add column acknowledged_at timestamptz,          -- since when somebody has taken it on; null: nobody has
    add column acknowledged_by uuid,
    add column snoozed_at timestamptz,               -- since when it waits, prolonged or not; of the last time, once that is over
    add column snoozed_until timestamptz,            -- it waits while this is later than now; null: nobody lets it wait
    add constraint episode_acknowledged check ((acknowledged_at is null) = (acknowledged_by is null)),
    add constraint episode_snoozed check (
        (snoozed_at is null) = (snoozed_until is null) and snoozed_at < snoozed_until),
    add constraint episode_acknowledged_by foreign key (practice_id, acknowledged_by)
        references ingest.staff (practice_id, staff_id);

create index episode_snoozed on alerts.episode (practice_id, snoozed_until)
    where closed_at is null and snoozed_until is not null;

-- Who did it, of what people do, and whose it is or was, of what was assigned or fell back.
alter table alerts.episode_event
    add column staff_id uuid,
    add column owner_id uuid,
    add constraint episode_event_staff foreign key (practice_id, staff_id)
        references ingest.staff (practice_id, staff_id),
    add constraint episode_event_owner foreign key (practice_id, owner_id)
        references ingest.staff (practice_id, staff_id);

grant update (acknowledged_at, acknowledged_by, snoozed_at, snoozed_until) on alerts.episode
    to homevitals_alerts, homevitals_console;

-- An acknowledged episode on which nobody works falls back by the clock, practice by practice.
grant usage on schema alerts to homevitals_scheduler;
grant select (practice_id, episode_id, patient_id, closed_at, acknowledged_at, snoozed_until),
      update (acknowledged_at, acknowledged_by) on alerts.episode to homevitals_scheduler;
grant insert on alerts.episode_event to homevitals_scheduler;
grant select on ingest.practice to homevitals_scheduler;
-- The clock's work is done for each practice in its own scope; this is how it learns which there are.
create policy wide_scheduler on ingest.practice for select to homevitals_scheduler using (true);
