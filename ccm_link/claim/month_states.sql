-- Statements about how months stood when they were last worked out. Role: homevitals_console.

-- name: take_turn
-- Whether nobody is at a month; whoever is told so holds it until the transaction ends.
select pg_try_advisory_xact_lock(hashtextextended('ccm.month_work/' || %(practice_id)s::text || %(month_on)s::text, 0));

-- name: worked_out_at
-- Since when the whole month is worked out: a single patient's row may be younger.
select min(worked_out_at) from ccm.month_state where practice_id = %(practice_id)s and month_on = %(month_on)s;

-- name: keep
-- Each patient's row of the month as it is now.
insert into ccm.month_state
    (practice_id, month_on, patient_id, worked_out_at, proposed, held, seconds, stops, asks, next_code, next_seconds, next_days,
     next_by_on, lost)
select %(practice_id)s, %(month_on)s, patient_id, %(at)s, proposed, held, seconds, stops, asks, next_code, next_seconds,
       next_days, next_by_on, lost
from jsonb_to_recordset(%(states)s) as made
    (patient_id uuid, proposed jsonb, held jsonb, seconds jsonb, stops smallint, asks smallint, next_code text,
     next_seconds integer, next_days smallint, next_by_on date, lost text[])
on conflict (practice_id, month_on, patient_id) do update set
    worked_out_at = excluded.worked_out_at, proposed = excluded.proposed, held = excluded.held, seconds = excluded.seconds,
    stops = excluded.stops, asks = excluded.asks, next_code = excluded.next_code, next_seconds = excluded.next_seconds,
    next_days = excluded.next_days, next_by_on = excluded.next_by_on, lost = excluded.lost;

-- name: forget_others
-- Rows that an earlier working out made of patients who have nothing to do with the month any more.
delete from ccm.month_state
where practice_id = %(practice_id)s and month_on = %(month_on)s and worked_out_at < %(at)s;

-- name: of_month
-- The months of all patients whom the person sees, by name.
select state.patient_id, patient.display_name as patient_name, patient.record_number, state.worked_out_at, state.proposed,
       state.held, state.seconds, state.stops, state.asks, state.next_code, state.next_seconds, state.next_days,
       state.next_by_on, state.lost
from ccm.month_state state
join ingest.patient using (practice_id, patient_id)
where state.practice_id = %(practice_id)s and state.month_on = %(month_on)s
order by patient.display_name, state.patient_id;
