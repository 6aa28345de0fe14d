-- Statements about whom care plans were given to. Role: homevitals_console.

-- name: add_share
-- Of a signed version; no row comes back where it was signed later than it is said to have been given.
insert into ccm.care_plan_share
    (practice_id, patient_id, plan_id, method, recipient, recipient_name, shared_by, shared_at, recorded_at)
select practice_id, patient_id, plan_id, %(method)s, %(recipient)s, %(recipient_name)s, %(staff_id)s, %(shared_at)s, %(at)s
from ccm.care_plan
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and plan_id = %(plan_id)s
  and signed_at <= %(shared_at)s
returning share_id;

-- name: shares
-- Of all versions, the newest first.
select share.share_id, share.plan_id, plan.version, share.method, share.recipient, share.recipient_name, share.shared_at,
       sharer.display_name as shared_by
from ccm.care_plan_share share
join ccm.care_plan plan using (practice_id, plan_id, patient_id)
join ingest.staff sharer on sharer.practice_id = share.practice_id and sharer.staff_id = share.shared_by
where share.practice_id = %(practice_id)s and share.patient_id = %(patient_id)s
order by share.shared_at desc, share.share_id;
