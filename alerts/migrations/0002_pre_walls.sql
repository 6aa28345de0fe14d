-- Walls between practices; see ingest/migrations/0002_pre_walls.sql.

call ingest.wall('alerts.rule');
call ingest.wall('alerts.evaluation');
call ingest.wall('alerts.episode');
call ingest.wall('alerts.episode_event');
-- A line of an episode's history is seen by whoever sees the episode.
create policy patient_wall on alerts.episode_event as restrictive using (exists (
    select from alerts.episode
    where episode.practice_id = episode_event.practice_id and episode.episode_id = episode_event.episode_id));
