-- Statements of the outbox to other systems. Roles: homevitals_link for sending; homevitals_console says who a patient is.

-- name: receivers_due
-- Receivers whose turn it is soon and for whom something is due, whosever they are. The limit has each of them looked up in the
-- index, however much waits.
select receiver.practice_id, receiver.receiver_id, receiver.kind, receiver.name, receiver.address,
       receiver.has_patient_data, receiver.failures
from ccm.receiver
cross join lateral (
    select from ccm.outgoing
    where outgoing.practice_id = receiver.practice_id and outgoing.receiver_id = receiver.receiver_id
      and outgoing.state = 'waiting' and outgoing.next_at <= %(now)s and outgoing.leased_until <= %(now)s
    order by outgoing.next_at
    limit 1) due
where receiver.ended_at = 'infinity' and receiver.paused_at is null and receiver.turn_at <= %(soon)s
order by receiver.turn_at;

-- name: take_turn
-- One turn of a receiver, now or soon: when it comes. The next one, whoever takes it, comes no sooner than its pace allows.
update ccm.receiver set turn_at = greatest(turn_at, %(now)s) + %(pace)s
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and turn_at <= %(soon)s
  and ended_at = 'infinity' and paused_at is null
returning turn_at - %(pace)s as at;

-- name: claim
-- The oldest message that is due and in nobody's hands; never one that came after another of the same patient.
update ccm.outgoing set leased_until = %(until)s
where (practice_id, outgoing_id) = (
    select practice_id, outgoing_id from ccm.outgoing due
    where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and state = 'waiting'
      and next_at <= %(now)s and leased_until <= %(now)s
      and not exists (
          select from ccm.outgoing before
          where before.practice_id = due.practice_id and before.receiver_id = due.receiver_id
            and before.patient_id = due.patient_id and before.state = 'waiting' and before.outgoing_no < due.outgoing_no)
    order by next_at, outgoing_no
    limit 1
    for update skip locked)
returning practice_id, receiver_id, outgoing_id, kind, subject_id, subject_at, patient_id, queued_at, attempts, overwrites,
          leased_until;

-- name: told_by_one
-- Everything that waits about the same subject: what is sent now says it all.
select outgoing_id from ccm.outgoing
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and kind = %(kind)s and subject_id = %(subject_id)s
  and state = 'waiting';

-- name: settle
-- Sent, with all that it said; only while this sender has it.
update ccm.outgoing set state = 'sent', settled_at = %(now)s, failure = '', leased_until = '-infinity'
where practice_id = %(practice_id)s and outgoing_id = any (%(outgoing_ids)s) and state = 'waiting';

-- name: try_again
-- It was not taken; only while this sender has it.
update ccm.outgoing
set attempts = attempts + %(attempts)s, next_at = %(next_at)s, failure = %(failure)s, leased_until = '-infinity'
where practice_id = %(practice_id)s and outgoing_id = %(outgoing_id)s and state = 'waiting'
  and leased_until = %(leased_until)s;

-- name: bury
-- A dead letter, for a person to look at.
update ccm.outgoing
set state = 'dead', attempts = attempts + 1, failure = %(failure)s, settled_at = %(now)s, leased_until = '-infinity'
where practice_id = %(practice_id)s and outgoing_id = %(outgoing_id)s and state = 'waiting'
  and leased_until = %(leased_until)s
returning outgoing_id;

-- name: hold
-- Held with all that waits about the same patient, until somebody says who that is in the EHR.
update ccm.outgoing set state = 'held', failure = %(failure)s, leased_until = '-infinity'
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and patient_id = %(patient_id)s
  and state = 'waiting' and (leased_until <= %(now)s or outgoing_id = %(outgoing_id)s);

-- name: rest
-- Leaves a receiver alone until then: it fails as a whole.
update ccm.receiver
set turn_at = greatest(turn_at, %(until)s), failures = failures + 1, failure = %(failure)s,
    failing_since = coalesce(failing_since, %(now)s)
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s;

-- name: works
-- A receiver has taken something; written only where it failed before.
update ccm.receiver set failures = 0, failure = '', failing_since = null
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and failures > 0;

-- name: written
-- What the EHR holds of ours, of one subject.
select remote_id, remote_version from ccm.ehr_resource
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and kind = %(kind)s and subject_id = %(subject_id)s;

-- name: note_written
-- After it was written.
insert into ccm.ehr_resource
    (practice_id, receiver_id, kind, subject_id, patient_id, remote_id, remote_version, sent_at)
values (%(practice_id)s, %(receiver_id)s, %(kind)s, %(subject_id)s, %(patient_id)s, %(remote_id)s, %(remote_version)s,
        %(now)s)
on conflict (practice_id, receiver_id, kind, subject_id) do update
set remote_id = excluded.remote_id, remote_version = excluded.remote_version, sent_at = excluded.sent_at;

-- name: known_there
-- What the EHR holds of ours about one patient, to which resources may refer.
select kind, subject_id, remote_id from ccm.ehr_resource
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and subject_id = any (%(subject_ids)s);

-- name: patient_there
-- Who a patient is in the EHR, and when that was last looked up.
select state, remote_id, looked_at from ccm.ehr_patient
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and patient_id = %(patient_id)s;

-- name: sought
-- By what a patient is looked for: an identifier of the EHR's, or the record number.
select coalesce(
           (select value from ccm.patient_identifier identifier
            where identifier.practice_id = patient.practice_id and identifier.patient_id = patient.patient_id
              and identifier.system = %(system)s and identifier.ended_at = 'infinity'
            order by recorded_at desc limit 1),
           case when %(knows_record_numbers)s then patient.record_number else '' end) as value,
       patient.born_on
from ingest.patient
where practice_id = %(practice_id)s and patient_id = %(patient_id)s;

-- name: note_patient
-- What a search came to; what a person said stays. No row comes back where the EHR's patient is another one's of ours.
insert into ccm.ehr_patient (practice_id, receiver_id, patient_id, state, remote_id, matched_by, looked_at)
values (%(practice_id)s, %(receiver_id)s, %(patient_id)s, %(state)s, %(remote_id)s, %(matched_by)s, %(now)s)
on conflict (practice_id, receiver_id, patient_id) do update
set state = excluded.state, remote_id = excluded.remote_id, matched_by = excluded.matched_by,
    looked_at = excluded.looked_at
where ehr_patient.state <> 'matched' or excluded.matched_by is not null
returning patient_id;

-- name: release
-- What was held about a patient may go.
update ccm.outgoing set state = 'waiting', next_at = %(now)s, failure = ''
where practice_id = %(practice_id)s and receiver_id = %(receiver_id)s and patient_id = %(patient_id)s and state = 'held'
returning outgoing_id;

-- name: how_far
-- Since when the oldest message waits that a receiver may have, and how many dead letters there are, of all practices.
select min(outgoing.next_at) filter (where outgoing.state = 'waiting' and receiver.paused_at is null) as due_since,
       count(*) filter (where outgoing.state = 'dead') as dead
from ccm.outgoing join ccm.receiver using (practice_id, receiver_id)
where outgoing.state in ('waiting', 'dead') and receiver.ended_at = 'infinity';

-- name: forget_sent
-- What was sent or given up long ago; what waits or is dead is never forgotten.
delete from ccm.outgoing
where (practice_id, outgoing_id) in (
    select practice_id, outgoing_id from ccm.outgoing
    where state in ('sent', 'given_up') and settled_at < %(before)s
    limit 5000);
