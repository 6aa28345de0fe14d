-- Statements that check the chain of the time log, each of one practice. Role: homevitals_sealer; homevitals_console on the
-- page, for somebody who may not see all patients.

-- name: begin
-- One view of all tables from now on, and no writing.
set transaction isolation level repeatable read, read only;

-- name: practices
-- All, for whoever checks one after the other.
select practice_id from ingest.practice order by practice_id;

-- name: links
-- The links of a practice in order from a position on, each with the row that it is over; without one, content is null.
select link.practice_id, link.position, link.kind, link.subject_id, link.content_sha256, link.chain_sha256,
       to_jsonb(link) ->> 'linked_at' as linked_at,
       case link.kind
           when 'entry' then (select to_jsonb(one) from ccm.time_entry one
                              where one.practice_id = link.practice_id and one.entry_id = link.subject_id)
           when 'void' then (select to_jsonb(one) from ccm.time_entry one
                             where one.practice_id = link.practice_id and one.entry_id = link.subject_id)
           when 'dropped' then (select to_jsonb(one) from ccm.dropped_time one
                                where one.practice_id = link.practice_id and one.dropped_id = link.subject_id)
           when 'approval' then (select to_jsonb(one) from ccm.time_approval one
                                 where one.practice_id = link.practice_id and one.approval_id = link.subject_id)
           when 'amendment' then (select to_jsonb(one) from ccm.time_amendment one
                                  where one.practice_id = link.practice_id and one.amendment_id = link.subject_id)
           when 'decision' then (select to_jsonb(one) from ccm.time_decision one
                                 where one.practice_id = link.practice_id and one.decision_id = link.subject_id)
           when 'lock' then (select to_jsonb(one) from ccm.month_lock one
                             where one.practice_id = link.practice_id and one.lock_id = link.subject_id)
       end as content
from ccm.time_link link
where link.practice_id = %(practice_id)s and link.position > %(after_position)s
order by link.position;

-- name: head
-- The last link of a practice.
select position, chain_sha256 from ccm.time_link
where practice_id = %(practice_id)s
order by position desc
limit 1;

-- name: link_at
-- The hash of one link, on which the next one hangs.
select chain_sha256 from ccm.time_link where practice_id = %(practice_id)s and position = %(position)s;

-- name: unlinked
-- Rows of a practice that no link is over, the first of each kind.
select found.kind, min(found.subject_id::text)::uuid as subject_id, count(*)::integer as count
from (
    select 'entry' as kind, entry_id as subject_id from ccm.time_entry where practice_id = %(practice_id)s
    union all
    select 'void', entry_id from ccm.time_entry where practice_id = %(practice_id)s and voided_at is not null
    union all
    select 'dropped', dropped_id from ccm.dropped_time where practice_id = %(practice_id)s
    union all
    select 'approval', approval_id from ccm.time_approval where practice_id = %(practice_id)s
    union all
    select 'amendment', amendment_id from ccm.time_amendment where practice_id = %(practice_id)s
    union all
    select 'decision', decision_id from ccm.time_decision where practice_id = %(practice_id)s
    union all
    select 'lock', lock_id from ccm.month_lock where practice_id = %(practice_id)s
) found
where not exists (
    select from ccm.time_link link
    where link.practice_id = %(practice_id)s and link.kind = found.kind and link.subject_id = found.subject_id)
group by found.kind
order by found.kind;

-- name: locked_heads
-- What the chain was when the practice's months were locked.
select chain_position as position, chain_sha256 from ccm.month_lock where practice_id = %(practice_id)s;

-- name: told_heads
-- The same as the audit trail tells it, which whoever rewrites the locks does not rewrite unseen. Role: homevitals_sealer.
select (detail -> 'after' ->> 'chain_position')::bigint as position, detail -> 'after' ->> 'chain_sha256' as chain_sha256
from ingest.audit_event
where practice_id = %(practice_id)s and resource = 'month_lock' and kind = 'change' and outcome = 'success'
  and detail -> 'after' ->> 'chain_position' is not null;

-- name: told_and_gone
-- Entries and amendments that the audit trail tells of and the time log does not have, the first of them.
select 'entry' as kind, min(event.resource_id)::uuid as subject_id, count(*)::integer as count
from ingest.audit_event event
where event.practice_id = %(practice_id)s and event.resource = 'time_log' and event.kind = 'change' and event.action = 'C'
  and event.outcome = 'success'
  and not exists (select from ccm.time_entry entry
                  where entry.practice_id = event.practice_id and entry.entry_id::text = event.resource_id)
  and not exists (select from ccm.time_amendment amendment
                  where amendment.practice_id = event.practice_id and amendment.amendment_id::text = event.resource_id)
having count(*) > 0;

-- name: unguarded
-- Tables of the time log whose triggers against changes, or for links, are off or gone.
select wanted.table_name, wanted.guard
from (values
    ('ccm.time_entry', 'keep_time_entries'), ('ccm.time_entry', 'keep_all_time_entries'),
    ('ccm.time_entry', 'link_entry'), ('ccm.time_entry', 'link_void'), ('ccm.time_entry', 'refuse_locked_month'),
    ('ccm.dropped_time', 'keep_time_log'), ('ccm.dropped_time', 'link_dropped'),
    ('ccm.time_approval', 'keep_time_log'), ('ccm.time_approval', 'link_approval'),
    ('ccm.time_amendment', 'keep_time_log'), ('ccm.time_amendment', 'link_amendment'),
    ('ccm.time_decision', 'keep_time_log'), ('ccm.time_decision', 'link_decision'),
    ('ccm.month_lock', 'keep_time_log'), ('ccm.month_lock', 'link_lock'), ('ccm.time_link', 'keep_time_log')
) wanted (table_name, guard)
where not exists (
    select from pg_trigger trigger
    where trigger.tgrelid = to_regclass(wanted.table_name) and trigger.tgname = wanted.guard
      and trigger.tgenabled in ('O', 'A'))
order by 1, 2;
