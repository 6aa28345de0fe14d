-- Walls between practices; see ingest/migrations/0002_pre_walls.sql. The views of 0001 run with the caller's rights
-- (security_invoker), so the walls of the tables below stand in them too.

call ingest.wall('ccm.enrolment');
call ingest.wall('ccm.task');
call ingest.wall('ccm.task_event');
call ingest.wall('ccm.timer');
call ingest.wall('ccm.discarded_timer');
call ingest.wall('ccm.time_entry');
-- A line of a task's history is seen by whoever sees the task.
create policy patient_wall on ccm.task_event as restrictive using (exists (
    select from ccm.task where task.practice_id = task_event.practice_id and task.task_id = task_event.task_id));
