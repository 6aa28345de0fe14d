-- Statements that load what becomes FHIR resources, beside those of ccm_link/fhir_rows.sql. Role: homevitals_link.

-- name: reading
-- One version of a reading, also one that was replaced.
select * from ingest.reading_history
where practice_id = %(practice_id)s and reading_id = %(reading_id)s and measured_at = %(measured_at)s;

-- name: attempt
-- One attempt to reach a patient.
select enrolment_id, tried_at, made_by, method, outcome, spoke_with, note, next_try_at
from ccm.outreach where practice_id = %(practice_id)s and outreach_id = %(outreach_id)s;
