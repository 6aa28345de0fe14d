-- Statements of looking at quarantine.

-- name: open_records
-- Latest first. Without a practice: what no known gateway sent.
select quarantine_id, practice_id, topic, gateway_id, outbox_epoch, outbox_seq, reason, detail, raw, record,
       content_sha256, message_id, received_at, redrive_asked_at, redrive_asked_by, redriven_at, redriven_by, redriven_to,
       redriven_reason
from ingest.quarantine
where practice_id is not distinct from %(practice_id)s and redriven_to is null
order by received_at desc, quarantine_id
limit %(limit)s;

-- name: redriven_records
-- What left the open list last.
select quarantine_id, practice_id, topic, gateway_id, outbox_epoch, outbox_seq, reason, detail, raw, record,
       content_sha256, message_id, received_at, redrive_asked_at, redrive_asked_by, redriven_at, redriven_by, redriven_to,
       redriven_reason
from ingest.quarantine
where practice_id is not distinct from %(practice_id)s and redriven_to is not null
order by redriven_at desc, quarantine_id
limit %(limit)s;

-- name: record
-- One of them, open or not.
select quarantine_id, practice_id, topic, gateway_id, outbox_epoch, outbox_seq, reason, detail, raw, record,
       content_sha256, message_id, received_at, redrive_asked_at, redrive_asked_by, redriven_at, redriven_by, redriven_to,
       redriven_reason
from ingest.quarantine
where practice_id is not distinct from %(practice_id)s and quarantine_id = %(quarantine_id)s;

-- name: ask_for_redrive
-- Once; whoever asks again while it waits is told that it does.
update ingest.quarantine set redrive_asked_at = %(at)s, redrive_asked_by = %(asked_by)s
where practice_id = %(practice_id)s and quarantine_id = %(quarantine_id)s
  and redriven_to is null and redrive_asked_at is null
returning quarantine_id;
