-- Statements of sending quarantined records through ingest again.

-- name: to_redrive
-- Open records of a practice, or those that its gateways sent before any practice knew them; in the order they came in.
select quarantine_id, reason
from ingest.quarantine
where redriven_to is null
  and case when %(of_unknown_gateways)s then
          practice_id is null
          and gateway_id = any (array(select gateway_id from ingest.gateway where practice_id = %(practice_id)s))
      else practice_id = %(practice_id)s end
  and (%(quarantine_ids)s::uuid[] is null or quarantine_id = any (%(quarantine_ids)s::uuid[]))
  and (%(reason)s::text is null or reason = %(reason)s)
order by received_at, quarantine_id;

-- name: waiting
-- One open record with what its message said about its way.
select q.quarantine_id, q.practice_id, q.topic, q.gateway_id, q.outbox_epoch, q.outbox_seq, q.reason, q.detail, q.raw,
       q.record, q.content_sha256, q.message_id, q.received_at, m.sent_at, coalesce(m.packet_id, 0) as packet_id
from ingest.quarantine q
left join ingest.message m using (message_id)
where q.quarantine_id = %(quarantine_id)s and (q.practice_id = %(practice_id)s or q.practice_id is null)
  and q.redriven_to is null;

-- name: settle
-- What became of it. Of two who try at the same moment the one whose try stored it is right.
update ingest.quarantine
set redriven_at = %(at)s, redriven_by = %(decided_by)s, redriven_to = %(to)s, redriven_reason = %(reason)s,
    redrive_asked_at = null, redrive_asked_by = null
where quarantine_id = %(quarantine_id)s and (practice_id = %(practice_id)s or practice_id is null)
  and (redriven_to is null or %(to)s = 'stored')
returning quarantine_id;

-- name: reopen
-- A record that fails as it did once before is open under that reason again.
update ingest.quarantine held
set redriven_to = null
from unnest(%(epochs)s::text[], %(seqs)s::bigint[], %(reasons)s::text[]) as failed (epoch, seq, reason)
where held.practice_id = %(practice_id)s and held.topic = %(topic)s and held.reason = failed.reason
  and held.outbox_epoch is not distinct from failed.epoch and held.outbox_seq is not distinct from failed.seq
  and (failed.seq is not null or held.content_sha256 = %(content_sha256)s)
  and held.redriven_to = 'quarantined';

-- name: adopt_message
-- The message of a gateway that nobody knew then belongs to the practice whose readings point at it.
update ingest.message set practice_id = %(practice_id)s where message_id = %(message_id)s and practice_id is null;

-- name: asked
-- What people want tried again, in whatever practice, longest waiting first.
select practice_id, quarantine_id, redrive_asked_by
from ingest.quarantine
where redrive_asked_at is not null and practice_id is not null
order by redrive_asked_at, quarantine_id
limit %(limit)s;
