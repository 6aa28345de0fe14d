-- Statements of tenancy: for whom a transaction works.

-- name: enter
-- Local to the transaction: at its end the settings are empty again, and nothing is visible.
select set_config('homevitals.practice', %(practice_ids)s::uuid[]::text, true),
       set_config('homevitals.staff', coalesce(%(staff_id)s::text, ''), true),
       set_config('homevitals.patient', coalesce(%(patient_id)s::text, ''), true),
       set_config('homevitals.at', coalesce(%(at)s::text, ''), true);
