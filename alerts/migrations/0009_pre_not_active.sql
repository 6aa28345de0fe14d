-- Patients who are not active: nobody is called about them, and what was open is set aside until they are again.

alter table alerts.breach drop constraint breach_silence_check;
alter table alerts.breach add constraint breach_silence_check
    check (silence in ('too_late', 'not_enrolled', 'imported', 'not_active'));
alter table alerts.evaluation drop constraint evaluation_silence_check;
alter table alerts.evaluation add constraint evaluation_silence_check
    check (silence in ('too_late', 'not_measured', 'not_enrolled', 'imported', 'not_active'));

alter table alerts.episode add column set_aside_at timestamptz;    -- since when its patient is not active; null: is
alter table alerts.episode_event drop constraint episode_event_event_check;
alter table alerts.episode_event add constraint episode_event_event_check check (event in (
    'opened', 'breached_again', 'breached_late', 'escalated', 'returned', 'in_range', 'reading_withdrawn', 'corrected',
    'acknowledged', 'released', 'assigned', 'snoozed', 'snooze_ended', 'fell_back', 'set_aside', 'taken_up', 'closed'));

drop trigger look_at_ladder on alerts.episode_event;
create trigger look_at_ladder after insert on alerts.episode_event for each row
    when (new.event in ('opened', 'escalated', 'returned', 'acknowledged', 'released', 'assigned', 'snoozed', 'snooze_ended',
                        'fell_back', 'set_aside', 'taken_up', 'closed'))
    execute function alerts.look_at_ladder();

grant update (set_aside_at) on alerts.episode to homevitals_console;
grant update (ended_at) on alerts.clock_breach to homevitals_console;
grant select (set_aside_at) on alerts.episode to homevitals_notifier, homevitals_scheduler;
