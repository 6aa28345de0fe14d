-- Statements that check the audit trail. Instants are taken as texts: what somebody with all rights put there need not be
-- an instant that a program can hold.

-- name: begin
-- One view of all tables from now on, and no writing.
set transaction isolation level repeatable read, read only;

-- name: prepare
-- Instants that are no instants stand as texts, and these depend on the zone. All rows are read anyway: whatever the
-- statistics say, which may be of yesterday, tables are joined by hash and then sorted, never looked up row by row.
select set_config('timezone', 'UTC', true), set_config('enable_nestloop', 'off', true),
       set_config('enable_mergejoin', 'off', true);

-- name: size
-- How many links there are to check, for the progress shown.
select count(*) as links from ingest.audit_link;

-- name: links
-- All links in order, each with its event; without one, event_practice_id is null.
select link.practice_id as link_practice_id, link.position, link.event_id as link_event_id, link.event_sha256,
       link.chain_sha256,
       case when link.sealed_at between '0001-01-01 00:00:00Z' and '9999-12-31 00:00:00Z'
            then to_char(link.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            else link.sealed_at::text end as sealed_at,
       event.practice_id, event.event_id,
       case when event.at between '0001-01-01 00:00:00Z' and '9999-12-31 00:00:00Z'
            then to_char(event.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') else event.at::text end as at,
       event.kind, event.action, event.outcome, event.agent_kind, event.agent_id, event.agent_role, event.network,
       event.session, event.purpose, event.patient_ids, event.resource, event.resource_id, event.detail::text as detail
from ingest.audit_link link
left join ingest.audit_event event on event.practice_id = link.practice_id and event.event_id = link.event_id
order by link.practice_id, link.position;

-- name: never_sealed
-- Of each practice the first event without a link that no queue holds, or that has waited in it for too long.
select distinct on (event.practice_id) event.practice_id, event.event_id, pending.event_id is not null as is_waiting
from ingest.audit_event event
left join ingest.audit_link link on link.practice_id = event.practice_id and link.event_id = event.event_id
left join ingest.audit_pending pending on pending.practice_id = event.practice_id and pending.event_id = event.event_id
where link.event_id is null and (pending.event_id is null or event.at < %(sealed_before)s)
order by event.practice_id, event.at, event.event_id;

-- name: gone_before_sealing
-- Of each practice the first place in the queue whose event is not there.
select distinct on (pending.practice_id) pending.practice_id, pending.event_id
from ingest.audit_pending pending
left join ingest.audit_event event on event.practice_id = pending.practice_id and event.event_id = pending.event_id
where event.event_id is null
order by pending.practice_id, pending.event_id;

-- name: unguarded
-- Tables of the trail whose trigger against changes is off or gone.
select wanted.name
from unnest(array['ingest.audit_event', 'ingest.audit_link']) as wanted (name)
where not exists (
    select from pg_trigger guard
    where guard.tgrelid = to_regclass(wanted.name) and guard.tgname = 'keep_audit' and guard.tgenabled in ('O', 'A'))
order by wanted.name;
