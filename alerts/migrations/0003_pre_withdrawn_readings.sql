-- A reading that breached a rule can turn out to be somebody else's, or to have been read wrongly.

alter table alerts.episode_event drop constraint episode_event_event_check;
alter table alerts.episode_event add constraint episode_event_event_check
    check (event in ('opened', 'breached_again', 'reading_withdrawn', 'corrected', 'closed'));
-- A reading breaches a rule once and is withdrawn once.
create index episode_event_by_reading on alerts.episode_event (practice_id, reading_id) where reading_id is not null;
