-- Statements of care management but for tasks and programs. Role: homevitals_console.

-- name: lock_person
-- Lets one person's changes to timers and time entries happen one after the other, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('ccm.person/' || %(staff_id)s::text, 0));
