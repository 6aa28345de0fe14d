-- Statements about who pays. Role: homevitals_console.

-- name: add
-- The constraint one_payer_of_a_rank_at_a_time refuses a second payer of the rank on a day.
insert into ccm.coverage (practice_id, patient_id, kind, payer_name, payer_id, member_id, rank, covered_from, covered_until,
                          recorded_by, recorded_at)
values (%(practice_id)s, %(patient_id)s, %(kind)s, %(payer_name)s, %(payer_id)s, %(member_id)s, %(rank)s, %(covered_from)s,
        %(covered_until)s, %(recorded_by)s, %(at)s)
returning coverage_id;

-- name: end_on
-- The last day, of one that was not withdrawn and had none or another.
update ccm.coverage set covered_until = %(covered_until)s, ended_by = %(ended_by)s, ended_at = %(at)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and coverage_id = %(coverage_id)s
  and withdrawn_at is null and covered_until is distinct from %(covered_until)s and covered_from <= %(covered_until)s
returning coverage_id;

-- name: withdraw
-- It never was so.
update ccm.coverage set withdrawn_at = %(at)s, withdrawn_by = %(withdrawn_by)s, withdrawn_why = %(why)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and coverage_id = %(coverage_id)s
  and withdrawn_at is null
returning coverage_id;

-- name: of_patients
-- All that was ever recorded of some patients, what was withdrawn last.
select coverage_id, patient_id, kind, payer_name, payer_id, member_id, rank, covered_from, covered_until, recorded_by,
       recorded_at, ended_by, ended_at, withdrawn_by, withdrawn_at, withdrawn_why
from ccm.coverage
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s)
order by withdrawn_at is not null, covered_from desc, rank, coverage_id;

-- name: on_day
-- Who pays for some patients on a day, whoever is billed first first.
select coverage_id, patient_id, kind, payer_name, payer_id, member_id, rank, covered_from, covered_until, recorded_by,
       recorded_at, ended_by, ended_at, withdrawn_by, withdrawn_at, withdrawn_why
from ccm.coverage
where practice_id = %(practice_id)s and patient_id = any (%(patient_ids)s) and withdrawn_at is null
  and covered_from <= %(day)s and (covered_until is null or covered_until >= %(day)s)
order by patient_id, rank;
