-- Statements of what is told by webhooks. Role: homevitals_link.

-- name: practice
-- A practice's short name, and which month began at an instant by its clocks.
select slug, to_char(%(subject_at)s::timestamptz at time zone time_zone, 'YYYY-MM')
from ingest.practice where practice_id = %(practice_id)s;

-- name: task
-- A task by its ids and words of closed lists.
select jsonb_build_object('task_id', task_id, 'episode_id', episode_id, 'patient_id', patient_id, 'origin', origin,
                          'severity', severity, 'status', status, 'disposition', disposition)
from ccm.task where practice_id = %(practice_id)s and task_id = %(subject_id)s;

-- name: alert
-- An episode likewise, with the task that it made.
select jsonb_build_object('episode_id', episode.episode_id, 'patient_id', episode.patient_id, 'severity', episode.severity,
                          'task_id', task.task_id)
from alerts.episode
left join ccm.task using (practice_id, episode_id)
where episode.practice_id = %(practice_id)s and episode.episode_id = %(subject_id)s;

-- name: patient
-- Who a patient is, for a receiver to which the practice has agreed to say it.
select jsonb_build_object('name', display_name, 'record_number', record_number, 'born_on', born_on)
from ingest.patient where practice_id = %(practice_id)s and patient_id = %(patient_id)s;
