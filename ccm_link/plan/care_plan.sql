-- Statements about care plans. Role: homevitals_console.

-- name: begin
-- No row comes back where there is a draft already.
insert into ccm.care_plan (practice_id, patient_id, document, begun_by, begun_at, changed_by, changed_at)
values (%(practice_id)s, %(patient_id)s, %(document)s, %(staff_id)s, %(at)s, %(staff_id)s, %(at)s)
on conflict do nothing
returning plan_id;

-- name: change
-- Only the draft as it was looked at.
update ccm.care_plan
set document = %(document)s, row_version = row_version + 1, changed_by = %(staff_id)s, changed_at = %(at)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and signed_at is null and discarded_at is null
  and row_version = %(row_version)s
returning plan_id;

-- name: sign
-- The draft as it was looked at becomes the next version. Two who sign at once meet in the draft's row.
update ccm.care_plan
set version = 1 + (
        select count(*) from ccm.care_plan former
        where former.practice_id = %(practice_id)s and former.patient_id = %(patient_id)s and former.version is not null),
    row_version = row_version + 1, signed_by = %(staff_id)s, signed_role = %(role)s, signed_at = %(at)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and signed_at is null and discarded_at is null
  and row_version = %(row_version)s
returning plan_id, version;

-- name: discard
-- The draft as it was looked at; it is kept.
update ccm.care_plan
set row_version = row_version + 1, discarded_by = %(staff_id)s, discarded_at = %(at)s, discard_reason = %(reason)s
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and signed_at is null and discarded_at is null
  and row_version = %(row_version)s
returning plan_id;

-- name: draft
-- The one that is neither signed nor discarded.
select plan.plan_id, plan.patient_id, plan.document, plan.row_version, plan.begun_at, beginner.display_name as begun_by,
       plan.changed_at, changer.display_name as changed_by
from ccm.care_plan plan
join ingest.staff beginner on beginner.practice_id = plan.practice_id and beginner.staff_id = plan.begun_by
join ingest.staff changer on changer.practice_id = plan.practice_id and changer.staff_id = plan.changed_by
where plan.practice_id = %(practice_id)s and plan.patient_id = %(patient_id)s and plan.signed_at is null
  and plan.discarded_at is null;

-- name: versions
-- All that were signed, the newest first.
select plan.plan_id, plan.patient_id, plan.version, plan.document, plan.signed_at, plan.signed_by as signed_by_id,
       signer.display_name as signed_by
from ccm.care_plan plan
join ingest.staff signer on signer.practice_id = plan.practice_id and signer.staff_id = plan.signed_by
where plan.practice_id = %(practice_id)s and plan.patient_id = %(patient_id)s and plan.version is not null
order by plan.version desc;

-- name: add_review
-- Of the version in force only; no row comes back where another one is by now.
insert into ccm.care_plan_review (practice_id, patient_id, plan_id, reviewed_by, reviewed_at, note)
select practice_id, patient_id, plan_id, %(staff_id)s, %(at)s, %(note)s
from ccm.care_plan
where practice_id = %(practice_id)s and patient_id = %(patient_id)s and plan_id = %(plan_id)s
  and version = (select max(version) from ccm.care_plan newest
                 where newest.practice_id = %(practice_id)s and newest.patient_id = %(patient_id)s)
returning review_id;

-- name: reviews
-- Of all versions, the newest first.
select review.plan_id, plan.version, review.reviewed_at, reviewer.display_name as reviewed_by, review.note
from ccm.care_plan_review review
join ccm.care_plan plan using (practice_id, plan_id, patient_id)
join ingest.staff reviewer on reviewer.practice_id = review.practice_id and reviewer.staff_id = review.reviewed_by
where review.practice_id = %(practice_id)s and review.patient_id = %(patient_id)s
order by review.reviewed_at desc, review.review_id;

-- name: heads
-- The version in force at an instant, one row for each patient who has one, with what was known of it by then.
select plan.patient_id, plan.plan_id, plan.version, plan.signed_at, plan.signed_by as signed_by_id,
       signer.display_name as signed_by, (plan.document ->> 'review_months')::integer as review_months,
       (plan.document ->> 'medication_months')::integer as medication_months, practice.time_zone,
       (select max(review.reviewed_at) from ccm.care_plan_review review
        where review.practice_id = plan.practice_id and review.plan_id = plan.plan_id
          and review.reviewed_at <= %(at)s) as reviewed_at,
       (select min(share.shared_at) from ccm.care_plan_share share
        where share.practice_id = plan.practice_id and share.plan_id = plan.plan_id
          and share.shared_at <= %(at)s) as shared_at
from (
    select distinct on (patient_id) *
    from ccm.care_plan
    where practice_id = %(practice_id)s and signed_at <= %(at)s
      and (%(patient_ids)s::uuid[] is null or patient_id = any (%(patient_ids)s::uuid[]))
    order by patient_id, version desc
) plan
join ingest.staff signer on signer.practice_id = plan.practice_id and signer.staff_id = plan.signed_by
join ingest.practice on practice.practice_id = plan.practice_id;
