-- Statements about whom rules are for. Role: homevitals_alerts, and homevitals_console for pages.

-- name: memberships
-- For each patient asked about: the programs and the codes of the conditions that held at an instant.
select patient_id,
       array(select program from ccm.in_care
             where in_care.practice_id = %(practice_id)s and in_care.patient_id = asked.patient_id
               and from_at <= %(at)s and %(at)s < until_at) as programs,
       array(select code from ccm.condition
             where condition.practice_id = %(practice_id)s and condition.patient_id = asked.patient_id
               and recorded_at <= %(at)s and %(at)s < ended_at) as codes
from unnest(%(patient_ids)s::uuid[]) as asked (patient_id);
