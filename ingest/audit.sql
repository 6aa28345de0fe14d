-- Statements of the audit trail.

-- name: record
-- An event and its place in the sealer's queue, in one statement: there is no event that nobody will seal.
with recorded as (
    insert into ingest.audit_event
        (practice_id, event_id, at, kind, action, outcome, agent_kind, agent_id, agent_role, network, session, purpose,
         patient_ids, resource, resource_id, detail)
    values
        (%(practice_id)s, %(event_id)s, %(at)s, %(kind)s, %(action)s, %(outcome)s, %(agent_kind)s, %(agent_id)s,
         %(agent_role)s, %(network)s, %(session)s, %(purpose)s, %(patient_ids)s, %(resource)s, %(resource_id)s, %(detail)s)
)
insert into ingest.audit_pending (practice_id, event_id) values (%(practice_id)s, %(event_id)s);
