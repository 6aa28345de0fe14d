-- Questions across the packages: only the composition may ask them.

-- name: evaluation_of_reading
-- When a reading was evaluated, what came of it, and why.
select evaluated_at, outcome, silence, trace
from alerts.evaluation
where practice_id = %(practice_id)s and reading_id = %(reading_id)s;

-- name: task_of_reading
-- The task of the episode that a reading opened or continued.
select t.task_id
from alerts.episode_event e
join ccm.task t on t.practice_id = e.practice_id and t.episode_id = e.episode_id
where e.practice_id = %(practice_id)s and e.reading_id = %(reading_id)s
order by e.at desc
limit 1;

-- name: newest_task
-- The task of an alert that was completed last, or opened last where none is completed.
select task_id
from ccm.task
where practice_id = %(practice_id)s and episode_id is not null
order by completed_at desc nulls last, opened_at desc
limit 1;

-- name: entries_of_task
-- The time logged on a task, voided entries left out.
select e.entry_id, e.started_at, e.ended_at, e.activity, e.entered, s.display_name as staff_name
from ccm.time_entry e
join ingest.staff s on s.practice_id = e.practice_id and s.staff_id = e.staff_id
where e.practice_id = %(practice_id)s and e.task_id = %(task_id)s and e.voided_at is null
order by e.started_at;

-- name: stations_reached
-- How far anything of the practices in scope has come, in the order of the way.
select exists (select from ingest.message) as message,
       exists (select from ingest.record_key) as reading,
       exists (select from alerts.evaluation) as evaluation,
       exists (select from alerts.episode) as episode,
       exists (select from ccm.task) as task;
