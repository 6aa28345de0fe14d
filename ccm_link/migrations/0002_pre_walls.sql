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

-- How much work waits behind the wall around restricted patients, for whoever does not see them. The function forgets for
-- its own duration which member of staff asks, so that no wall hides the tasks from it; it gives a number and nothing else.
create function ccm.count_open_tasks(of_practice uuid, of_patients uuid[]) returns bigint language plpgsql as $$
declare
    asking constant text := coalesce(current_setting('homevitals.staff', true), '');
    waiting bigint;
begin
    perform set_config('homevitals.staff', '', true);
    select count(*) into waiting from ccm.task
    where practice_id = of_practice and patient_id = any (of_patients) and status = 'open';
    perform set_config('homevitals.staff', asking, true);
    return waiting;
end $$;
