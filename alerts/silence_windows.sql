-- Statements about times in which silence is expected. Roles: homevitals_console to set, homevitals_alerts to ask.

-- name: load
-- Windows of a practice that end after an instant, or those of one patient with the practice's; the newest last.
select window_id, patient_id, gateway_id, from_at, least(until_at, ended_at) as until_at, cause, reason, set_by
from alerts.silence_window
where practice_id = %(practice_id)s and until_at > %(after)s
  and (ended_at is null or ended_at > greatest(from_at, %(after)s))
  and (%(patient_id)s::uuid is null or patient_id = %(patient_id)s or num_nonnulls(patient_id, gateway_id) = 0)
order by from_at, window_id;

-- name: add
-- A window of a patient, of a gateway, or of the whole practice.
insert into alerts.silence_window (
    practice_id, window_id, patient_id, gateway_id, from_at, until_at, cause, reason, set_by, set_at)
values (
    %(practice_id)s, gen_random_uuid(), %(patient_id)s, %(gateway_id)s, %(from_at)s, %(until_at)s, %(cause)s, %(reason)s,
    %(set_by)s, %(at)s)
returning window_id;

-- name: end
-- Before its time, once.
update alerts.silence_window set ended_at = %(at)s, ended_by = %(ended_by)s
where practice_id = %(practice_id)s and window_id = %(window_id)s and ended_at is null and until_at > %(at)s
returning window_id;
