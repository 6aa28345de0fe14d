-- Whom to call about an episode that nobody has acknowledged: ladders, shifts, addresses; the calls and what became of them.

-- A ladder is all its versions; the last one counts, and none is ever changed. Without rungs nobody is called.
create table alerts.ladder (
    practice_id uuid not null references ingest.practice,
    severity    text not null check (severity in ('urgent', 'clinical', 'outreach', 'technical')),
    version     integer not null check (version > 0),
    rungs       jsonb not null check (jsonb_typeof(rungs) = 'array'),
    set_by      uuid not null,
    set_at      timestamptz not null,
    reason      text not null check (reason <> ''),
    primary key (practice_id, severity, version),
    foreign key (practice_id, set_by) references ingest.staff (practice_id, staff_id)
);

-- Who is on duty from an instant to another; goes before the weekly shifts of that time.
create table alerts.shift (
    practice_id  uuid not null,
    shift_id     uuid not null default gen_random_uuid(),
    duty         text not null check (duty in ('cover', 'clinician')),
    staff_id     uuid not null,
    starts_at    timestamptz not null,
    ends_at      timestamptz not null,
    added_by     uuid not null,
    added_at     timestamptz not null,
    cancelled_at timestamptz,
    cancelled_by uuid,
    primary key (practice_id, shift_id),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, added_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, cancelled_by) references ingest.staff (practice_id, staff_id),
    check (starts_at < ends_at),
    check ((cancelled_at is null) = (cancelled_by is null))
);
create index shift_by_end on alerts.shift (practice_id, ends_at) where cancelled_at is null;

-- The same every week, or every second, third… one, by the clocks of the practice.
create table alerts.weekly_shift (
    practice_id  uuid not null,
    shift_id     uuid not null default gen_random_uuid(),
    duty         text not null check (duty in ('cover', 'clinician')),
    staff_id     uuid not null,
    first_on     date not null,                      -- its day of the week is that of all
    starts       time not null,
    days_later   smallint not null check (days_later between 0 and 7),
    ends         time not null,
    every_weeks  smallint not null check (every_weeks between 1 and 26),
    last_on      date,                               -- the last one may begin on this day
    added_by     uuid not null,
    added_at     timestamptz not null,
    cancelled_at timestamptz,
    cancelled_by uuid,
    primary key (practice_id, shift_id),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, added_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, cancelled_by) references ingest.staff (practice_id, staff_id),
    check (days_later > 0 or starts < ends),
    check ((cancelled_at is null) = (cancelled_by is null))
);

-- Where a member of staff or (without one) the practice line is reached. The console needs no address.
create table alerts.contact (
    practice_id uuid not null references ingest.practice,
    contact_id  uuid not null default gen_random_uuid(),
    staff_id    uuid,
    channel     text not null check (channel in ('email', 'sms', 'webhook')),
    address     text not null check (address <> ''),
    added_by    uuid not null,
    added_at    timestamptz not null,
    ended_at    timestamptz not null default 'infinity',
    ended_by    uuid,
    primary key (practice_id, contact_id),
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, added_by) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, ended_by) references ingest.staff (practice_id, staff_id),
    check ((ended_at = 'infinity') = (ended_by is null))
);
create unique index one_such_contact on alerts.contact (practice_id, staff_id, channel, address)
    nulls not distinct where ended_at = 'infinity';

-- When the ladder of an episode has to be looked at next; "-infinity" is at once.
create table alerts.climb (
    practice_id uuid not null,
    episode_id  uuid not null,
    look_at     timestamptz not null,
    changed_at  timestamptz not null default now(),  -- since when “at once” stands there
    primary key (practice_id, episode_id),
    foreign key (practice_id, episode_id) references alerts.episode
);
create index climb_due on alerts.climb (look_at) where look_at <> 'infinity';

-- Whoever opens, escalates, acknowledges, snoozes, gives back or closes an episode writes an event, and with it has the
-- ladder looked at: nothing else has to think of it, and nothing can forget it.
create function alerts.look_at_ladder() returns trigger language plpgsql as $$
begin
    insert into alerts.climb (practice_id, episode_id, look_at) values (new.practice_id, new.episode_id, '-infinity')
    on conflict (practice_id, episode_id) do update set look_at = excluded.look_at, changed_at = excluded.changed_at;
    return null;
end $$;
create trigger look_at_ladder after insert on alerts.episode_event for each row
    when (new.event in ('opened', 'escalated', 'returned', 'acknowledged', 'released', 'assigned', 'snoozed', 'snooze_ended',
                        'fell_back', 'closed'))
    execute function alerts.look_at_ladder();

-- A rung of a round that was called, once: the primary key says so. A round is named by its beginning.
create table alerts.rung_call (
    practice_id    uuid not null,
    episode_id     uuid not null,
    round_at       timestamptz not null,
    rung           integer not null check (rung > 0),
    severity       text not null,
    ladder_version integer not null,
    whom           text not null check (whom in ('owner', 'cover', 'clinician_on_call', 'practice_line')),
    reason         text not null check (reason in ('time', 'nobody_before', 'failed_before')),
    nobody         text check (nobody in ('no_owner', 'nobody_on_duty', 'no_contact')),   -- null: it reached somebody
    called_at      timestamptz not null,
    primary key (practice_id, episode_id, round_at, rung),
    foreign key (practice_id, episode_id) references alerts.episode,
    foreign key (practice_id, severity, ladder_version) references alerts.ladder
);

-- A message to one person over one channel. Its id is the one that receivers see, however often it is sent.
create table alerts.notification (
    practice_id     uuid not null references ingest.practice,
    notification_id uuid not null default gen_random_uuid(),
    episode_id      uuid,                             -- null: a test of the address
    round_at        timestamptz not null,             -- of a test: when it was asked for
    rung            integer,
    staff_id        uuid,                             -- null: the practice line
    channel         text not null check (channel in ('console', 'email', 'sms', 'webhook')),
    contact_id      uuid,                             -- null: the console
    state           text not null default 'queued' check (state in ('queued', 'sent', 'given_up', 'withdrawn')),
    attempts        integer not null default 0,
    next_at         timestamptz not null,
    leased_until    timestamptz not null default '-infinity',   -- somebody is sending it; later, nobody knows
    receipt         text not null default '',         -- under which id whoever took it knows it
    failure         text not null default '',         -- of the last attempt, a word of ours
    queued_at       timestamptz not null,
    settled_at      timestamptz,
    primary key (practice_id, notification_id),
    foreign key (practice_id, episode_id) references alerts.episode,
    foreign key (practice_id, episode_id, round_at, rung) references alerts.rung_call,
    foreign key (practice_id, staff_id) references ingest.staff (practice_id, staff_id),
    foreign key (practice_id, contact_id) references alerts.contact,
    check ((episode_id is null) = (rung is null)),
    check ((channel = 'console') = (contact_id is null)),
    check ((state = 'queued') = (settled_at is null))
);
create unique index one_message_a_call on alerts.notification
    (practice_id, episode_id, round_at, rung, staff_id, channel, contact_id) nulls not distinct;
create index notification_waiting on alerts.notification (channel, next_at) where state = 'queued';
create index notification_by_contact on alerts.notification (practice_id, contact_id, settled_at);
create index notification_on_console on alerts.notification (practice_id, staff_id, round_at) where channel = 'console';

-- Each try. Without an end nobody knows whether the message went out, and it is sent again.
create table alerts.notification_attempt (
    practice_id     uuid not null,
    notification_id uuid not null,
    attempt         integer not null,
    began_at        timestamptz not null,
    ended_at        timestamptz,
    failure         text not null default '',
    primary key (practice_id, notification_id, attempt),
    foreign key (practice_id, notification_id) references alerts.notification
);

call ingest.wall('alerts.ladder');
call ingest.wall('alerts.shift');
call ingest.wall('alerts.weekly_shift');
call ingest.wall('alerts.contact');
call ingest.wall('alerts.climb');
call ingest.wall('alerts.rung_call');
call ingest.wall('alerts.notification');
call ingest.wall('alerts.notification_attempt');
-- Who was called about an episode is seen by whoever sees the episode.
create policy patient_wall on alerts.rung_call as restrictive to homevitals_console using (exists (
    select from alerts.episode
    where episode.practice_id = rung_call.practice_id and episode.episode_id = rung_call.episode_id));
create policy patient_wall on alerts.notification as restrictive to homevitals_console using (
    episode_id is null or exists (
        select from alerts.episode
        where episode.practice_id = notification.practice_id and episode.episode_id = notification.episode_id));
create policy patient_wall on alerts.notification_attempt as restrictive to homevitals_console using (exists (
    select from alerts.notification
    where notification.practice_id = notification_attempt.practice_id
      and notification.notification_id = notification_attempt.notification_id));

-- A notifier takes what is due, whosever it is, and then works for that practice alone. Both tables hold ids and instants.
create policy wide_notifier on alerts.climb to homevitals_notifier using (true);
create policy wide_notifier on alerts.notification to homevitals_notifier using (true);
-- Counts for the log: how long something waits, how many addresses fail.
create policy wide_scheduler on alerts.climb for select to homevitals_scheduler using (true);
create policy wide_scheduler on alerts.notification for select to homevitals_scheduler using (true);

-- Whoever writes an event of an episode: the rules, people, and the clock.
grant select, insert, update (look_at, changed_at) on alerts.climb
    to homevitals_alerts, homevitals_console, homevitals_scheduler;

grant select, insert on alerts.ladder, alerts.shift, alerts.weekly_shift, alerts.contact to homevitals_console;
grant update (cancelled_at, cancelled_by) on alerts.shift, alerts.weekly_shift to homevitals_console;
grant update (ended_at, ended_by) on alerts.contact to homevitals_console;
grant select, insert on alerts.notification to homevitals_console;
grant select on alerts.rung_call, alerts.notification_attempt to homevitals_console;

-- The notifier speaks with machines outside, so it sees as little as can be: no patient, no reading, no name.
grant usage on schema ingest, alerts to homevitals_notifier;
grant select on ingest.restriction, ingest.care_team_member, ingest.break_glass to homevitals_notifier;   -- for the walls
grant select (practice_id, slug, time_zone) on ingest.practice to homevitals_notifier;
grant select (practice_id, staff_id, disabled_at) on ingest.staff to homevitals_notifier;
grant select (practice_id, episode_id, severity, acknowledged_at, snoozed_until, closed_at)
    on alerts.episode to homevitals_notifier;
grant select (practice_id, episode_id, at, event) on alerts.episode_event to homevitals_notifier;
grant select on alerts.ladder, alerts.shift, alerts.weekly_shift, alerts.contact to homevitals_notifier;
grant select, update, delete on alerts.climb to homevitals_notifier;
grant select, insert on alerts.rung_call to homevitals_notifier;
grant select, insert, update on alerts.notification, alerts.notification_attempt to homevitals_notifier;

grant select (practice_id, contact_id, state, next_at, settled_at) on alerts.notification to homevitals_scheduler;
