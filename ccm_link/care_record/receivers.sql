-- Statements of whoever looks after a practice's link. Role: homevitals_console.

-- name: add_receiver
-- No row comes back where the practice has such a one.
insert into ccm.receiver (practice_id, kind, name, address, events, has_patient_data, added_by, added_at)
values (%(practice_id)s, %(kind)s, %(name)s, %(address)s, %(events)s, %(has_patient_data)s, %(added_by)s, %(at)s)
on conflict do nothing
returning receiver_id;

-- name: pause
-- Null: it goes on, at once.
update ccm.receiver
set paused_at = %(paused_at)s, turn_at = case when %(paused_at)s::timestamptz is null then '-infinity' else turn_at end
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and ended_at = 'infinity'
returning receiver_id;

-- name: end_receiver
-- Once.
update ccm.receiver set ended_at = %(at)s, ended_by = %(by)s
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and ended_at = 'infinity'
returning receiver_id;

-- name: give_all_up
-- What waits for a receiver that was ended.
update ccm.outgoing set state = 'given_up', settled_at = %(at)s, settled_by = %(by)s, reason = %(reason)s
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and state in ('waiting', 'held', 'dead');

-- name: queue_test
-- A message about nothing, for a webhook.
insert into ccm.outgoing (practice_id, receiver_id, kind, subject_id, queued_at, next_at)
select practice_id, receiver_id, 'test', receiver_id, %(at)s, %(at)s from ccm.receiver
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and kind = 'webhook' and ended_at = 'infinity'
returning outgoing_id;

-- name: ehr_of
-- The one that the practice has.
select receiver_id from ccm.receiver where practice_id = %(practice_id)s and kind = 'ehr' and ended_at = 'infinity';

-- name: dead_letters
-- What did not arrive and is tried no more, newest first.
select outgoing.outgoing_id, outgoing.receiver_id, receiver.name as receiver_name, outgoing.kind, outgoing.subject_id,
       outgoing.queued_at, outgoing.settled_at, outgoing.attempts, outgoing.failure
from ccm.outgoing join ccm.receiver using (practice_id, receiver_id)
where outgoing.practice_id = %(practice_id)s and outgoing.state = 'dead'
order by outgoing.settled_at desc, outgoing.outgoing_no desc
limit %(limit)s;

-- name: redrive
-- Dead letters are sent again, of a receiver or one alone.
update ccm.outgoing
set state = 'waiting', attempts = 0, next_at = %(now)s, failure = '', settled_at = null,
    overwrites = overwrites or %(overwrites)s
where practice_id = %(practice_id)s and state = 'dead'
  and (%(outgoing_id)s::uuid is null or outgoing_id = %(outgoing_id)s)
  and (%(failure)s::text is null or failure = %(failure)s)
returning outgoing_id;

-- name: give_up
-- A dead letter that nobody needs any more.
update ccm.outgoing set state = 'given_up', settled_at = %(now)s, settled_by = %(by)s, reason = %(reason)s
where practice_id = %(practice_id)s and outgoing_id = %(outgoing_id)s and state = 'dead'
returning outgoing_id;

-- name: standing
-- How each receiver that is not ended stands.
select receiver.receiver_id, receiver.kind, receiver.name, receiver.address, receiver.events, receiver.has_patient_data,
       receiver.paused_at, receiver.failures, receiver.failure, receiver.failing_since,
       count(*) filter (where outgoing.state = 'waiting') as waiting,
       min(outgoing.queued_at) filter (where outgoing.state = 'waiting') as oldest_at,
       count(*) filter (where outgoing.state = 'held') as held,
       count(*) filter (where outgoing.state = 'dead') as dead,
       max(outgoing.settled_at) filter (where outgoing.state = 'sent') as last_sent_at
from ccm.receiver
left join ccm.outgoing using (practice_id, receiver_id)
where receiver.practice_id = %(practice_id)s and receiver.ended_at = 'infinity'
group by receiver.practice_id, receiver.receiver_id
order by receiver.kind, receiver.name;

-- name: unmatched
-- Patients about whom something is held, and what the search for them came to.
select outgoing.receiver_id, patient.patient_id, patient.display_name, patient.record_number, patient.born_on,
       known.state, known.looked_at, count(*) as held, min(outgoing.queued_at) as oldest_at
from ccm.outgoing
join ingest.patient using (practice_id, patient_id)
left join ccm.ehr_patient known using (practice_id, receiver_id, patient_id)
where outgoing.practice_id = %(practice_id)s and outgoing.state = 'held'
group by outgoing.receiver_id, patient.practice_id, patient.patient_id, known.state, known.looked_at
order by min(outgoing.queued_at), patient.patient_id
limit %(limit)s;
