-- Statements of the sealer: from the queue of events to links of the chains.

-- name: take_turn
-- One sealer at a time: two that continue one head would fork the chain. False where another has the turn.
select pg_try_advisory_xact_lock(hashtextextended('ingest.audit_sealer', 0)) as is_ours;

-- name: pending
-- The oldest events of the queue as texts, and whether one is sealed already (then only its place in the queue is left).
select event.practice_id, event.event_id,
       case when event.at between '0001-01-01 00:00:00Z' and '9999-12-31 00:00:00Z'
            then to_char(event.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') else event.at::text end as at,
       event.kind, event.action, event.outcome, event.agent_kind, event.agent_id, event.agent_role, event.network,
       event.session, event.purpose, event.patient_ids, event.resource, event.resource_id, event.detail::text as detail,
       link.event_id is not null as is_sealed
from ingest.audit_pending pending
join ingest.audit_event event using (practice_id, event_id)
left join ingest.audit_link link using (practice_id, event_id)
order by event.at, event.event_id
limit %(limit)s;

-- name: heads_of
-- The last link of each of these chains; nothing for one that has not begun.
select head.practice_id, head.position, head.chain_sha256
from unnest(%(practice_ids)s::uuid[]) as wanted (practice_id)
cross join lateral (
    select link.practice_id, link.position, link.chain_sha256 from ingest.audit_link link
    where link.practice_id = wanted.practice_id order by link.position desc limit 1) head;

-- name: heads
-- The last link of every chain. Steps from practice to practice along the key instead of reading all links.
with recursive chain as (
    (select practice_id from ingest.audit_link order by practice_id limit 1)
    union all
    select (select link.practice_id from ingest.audit_link link where link.practice_id > chain.practice_id
            order by link.practice_id limit 1)
    from chain where chain.practice_id is not null
)
select head.practice_id, head.position, head.chain_sha256
from chain
cross join lateral (
    select link.practice_id, link.position, link.chain_sha256 from ingest.audit_link link
    where link.practice_id = chain.practice_id order by link.position desc limit 1) head;

-- name: append
-- Links in the order of their positions.
insert into ingest.audit_link (practice_id, position, event_id, event_sha256, chain_sha256, sealed_at)
select practice_id, position, event_id, event_sha256, chain_sha256, %(sealed_at)s
from unnest(%(practice_ids)s::uuid[], %(positions)s::bigint[], %(event_ids)s::uuid[],
            %(event_sha256s)s::bytea[], %(chain_sha256s)s::bytea[])
     as link (practice_id, position, event_id, event_sha256, chain_sha256);

-- name: remove
-- What is sealed leaves the queue.
delete from ingest.audit_pending pending
using unnest(%(practice_ids)s::uuid[], %(event_ids)s::uuid[]) as sealed (practice_id, event_id)
where pending.practice_id = sealed.practice_id and pending.event_id = sealed.event_id;
