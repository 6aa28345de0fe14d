"""An event of the audit trail as FHIR R4 AuditEvent, after the patterns of IHE BALP.

One event becomes one resource for each patient whom it concerns, because a BALP profile has exactly one patient; all of
them name the event in ``meta.source``. A profile is named in ``meta.profile`` only where every element that it requires
is known: the address of the client, what was read or changed, and that it succeeded. Signing in and administration have
no BALP profile; they carry the codes of DICOM.

Source: FHIR R4 (4.0.1), AuditEvent; IHE ITI Basic Audit Log Patterns (BALP) 1.1.4,
https://profiles.ihe.net/ITI/BALP/1.1.4/content.html, 3:5.7.3; DICOM PS3.16 2024, CID 400 and CID 401.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from ingest import audit_chain
from ingest.audit import Action, AgentKind, Event, Kind, Outcome, Purpose

Json = dict[str, Any]

PROFILES: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
"""Source: BALP 1.1.4, canonical address of its profiles; behind it stands “Read”, “PatientRead” and so on."""

_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"


def _dicom(code: str, display: str) -> Json:
    return {"system": _DICOM, "code": code, "display": display}


def _hl7(system: str, code: str, display: str) -> Json:
    return {"system": _HL7 + system, "code": code, "display": display}


_REST: Final = _hl7("audit-event-type", "rest", "RESTful Operation")
_SOURCE_ROLE: Final = _dicom("110153", "Source Role ID")
_DESTINATION_ROLE: Final = _dicom("110152", "Destination Role ID")
_APPLICATION: Final = _dicom("110150", "Application")
_RECIPIENT: Final = _hl7("v3-ParticipationType", "IRCP", "information recipient")
_AUTHOR: Final = _hl7("v3-ParticipationType", "AUT", "author (originator)")
_PERSON: Final = _hl7("audit-entity-type", "1", "Person")
_SYSTEM_OBJECT: Final = _hl7("audit-entity-type", "2", "System Object")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """How BALP codes one interaction. ``profile`` is "" where there is none."""

    profile: str
    subtype: str
    client: Json
    server: Json
    user: Json


_PATTERNS: Final = {
    Action.CREATE: _Pattern("Create", "create", _SOURCE_ROLE, _DESTINATION_ROLE, _AUTHOR),
    # What is read flows from the server to the client; in all others the request is what flows.
    Action.READ: _Pattern("Read", "read", _DESTINATION_ROLE, _SOURCE_ROLE, _RECIPIENT),
    Action.UPDATE: _Pattern("Update", "update", _SOURCE_ROLE, _DESTINATION_ROLE, _AUTHOR),
    Action.DELETE: _Pattern(
        "Delete",
        "delete",
        _APPLICATION,
        _hl7("provenance-participant-type", "custodian", "Custodian"),
        _AUTHOR,
    ),
    Action.EXECUTE: _Pattern("", "operation", _SOURCE_ROLE, _DESTINATION_ROLE, _AUTHOR),
}
_QUERY: Final = _Pattern("Query", "search-type", _SOURCE_ROLE, _DESTINATION_ROLE, _RECIPIENT)
_AUTHENTICATION: Final = _dicom("110114", "User Authentication")
_ALERT: Final = _dicom("110113", "Security Alert")
_NETWORK_ENTRY: Final = _dicom("110108", "Network Entry")
_OBJECT_ATTRIBUTES: Final = _dicom("110135", "Object Security Attributes Changed")
_USER_ATTRIBUTES: Final = _dicom("110137", "User Security Attributes Changed")
# Kind → type and subtypes, for what is no RESTful interaction.
_CODES: Final[dict[Kind, tuple[Json, list[Json]]]] = {
    Kind.SIGN_IN: (_AUTHENTICATION, [_dicom("110122", "Login")]),
    Kind.SIGN_OUT: (_AUTHENTICATION, [_dicom("110123", "Logout")]),
    Kind.SESSION_ENDED: (_AUTHENTICATION, [_dicom("110123", "Logout")]),
    Kind.EXPORT: (_dicom("110106", "Export"), []),
    Kind.RESTORED: (_dicom("110107", "Import"), []),
    Kind.BREAK_GLASS: (_ALERT, [_dicom("110127", "Emergency Override Started")]),
    Kind.CODE_ISSUED: (_ALERT, [_USER_ATTRIBUTES]),
    Kind.GATEWAY_ENROLLED: (_NETWORK_ENTRY, [_dicom("110124", "Attach")]),
    Kind.GATEWAY_RENEWED: (_ALERT, [_OBJECT_ATTRIBUTES]),
    Kind.GATEWAY_REVOKED: (_ALERT, [_OBJECT_ATTRIBUTES]),
    Kind.GATEWAY_CUT_OFF: (_NETWORK_ENTRY, [_dicom("110125", "Detach")]),
}
# Changes of who may do or see what say so beside their interaction; BALP leaves further subtypes open.
_SECURITY_OF: Final = {
    "staff": _USER_ATTRIBUTES,
    "home_person": _USER_ATTRIBUTES,
    "identity_provider": _USER_ATTRIBUTES,
    "restriction": _OBJECT_ATTRIBUTES,
    "care_team_member": _OBJECT_ATTRIBUTES,
}
_OUTCOMES: Final = {Outcome.SUCCESS: "0", Outcome.REFUSED: "4", Outcome.FAILED: "8"}
_RESOURCE_TYPES: Final = {
    AgentKind.STAFF: "Practitioner",
    AgentKind.GATEWAY: "Device",
    AgentKind.SERVICE: "Device",
}
_PEOPLE: Final = (AgentKind.STAFF, AgentKind.HOME_PERSON, AgentKind.COMMAND_LINE)
_AT_THE_SERVER: Final = (AgentKind.SERVICE, AgentKind.COMMAND_LINE)
_PURPOSES: Final = {
    Purpose.TREATMENT: "treatment",
    Purpose.EMERGENCY_TREATMENT: "Emergency Treatment",
    Purpose.OPERATIONS: "healthcare operations",
    Purpose.PATIENT_REQUESTED: "patient requested",
    Purpose.SYSTEM_ADMINISTRATION: "health system administration",
}


def resources(event: Event, site: str) -> Iterator[Json]:
    """Yield an event as AuditEvent resources: one for each patient, one where it concerns none.

    Args:
        event: The event.
        site: Name of this installation: the source of the record, and the server in it.
    """
    if len(event.patient_ids) < 2:
        patient_id = event.patient_ids[0] if event.patient_ids else None
        yield _resource(event, site, event.event_id, patient_id)
        return
    for patient_id in event.patient_ids:
        yield _resource(event, site, uuid5(event.event_id, str(patient_id)), patient_id)


def _resource(event: Event, site: str, resource_id: UUID, patient_id: UUID | None) -> Json:
    pattern = _pattern(event)
    kind, subtypes = _coded(event, pattern)
    made: Json = {
        "resourceType": "AuditEvent",
        "id": str(resource_id),
        "meta": {"source": f"urn:uuid:{event.event_id}"},
        "type": kind,
        "subtype": subtypes,
        "action": event.action.value,
        "recorded": audit_chain.instant(event.at),
        "outcome": _OUTCOMES[event.outcome],
        "purposeOfEvent": [{"coding": [_purpose(event)]}],
        "agent": _agents(event, site, pattern),
        "source": {
            "site": site,
            "observer": {"display": site},
            "type": [_hl7("security-source-type", "4", "Application Server")],
        },
        "entity": [*_patient(patient_id), *_object(event, pattern)],
    }
    if event.outcome is not Outcome.SUCCESS:
        made["outcomeDesc"] = event.outcome.value
    profile = _profile(event, pattern, patient_id)
    if profile:
        made["meta"]["profile"] = [PROFILES + profile]
    # FHIR has no empty lists.
    return {name: entry for name, entry in made.items() if entry != []}


def _pattern(event: Event) -> _Pattern | None:
    """Return the RESTful interaction that an event is, if it is one."""
    if event.kind in _CODES:
        return None
    if event.kind is Kind.READ and event.action is Action.EXECUTE:
        return _QUERY
    return _PATTERNS[event.action]


def _coded(event: Event, pattern: _Pattern | None) -> tuple[Json, list[Json]]:
    if pattern is None:
        return _CODES[event.kind]
    subtypes = [{"system": _INTERACTION, "code": pattern.subtype, "display": pattern.subtype}]
    if event.kind is Kind.CHANGE and event.resource in _SECURITY_OF:
        subtypes.append(_SECURITY_OF[event.resource])
    return _REST, subtypes


def _profile(event: Event, pattern: _Pattern | None, patient_id: UUID | None) -> str:
    if pattern is None or not pattern.profile:
        return ""
    is_complete = event.outcome is Outcome.SUCCESS and event.resource and _address(event)
    if not is_complete:
        return ""
    return pattern.profile if patient_id is None else f"Patient{pattern.profile}"


def _agents(event: Event, site: str, pattern: _Pattern | None) -> list[Json]:
    is_person = event.agent.kind in _PEOPLE
    client: Json = {"requestor": not is_person, "who": {"display": _address(event) or site}}
    if not is_person:
        client["who"] = _who(event)
    network = _network(event, site)
    if network:
        client["network"] = network
    server: Json = {
        "type": {"coding": [_APPLICATION if pattern is None else pattern.server]},
        "who": {"display": site},
        "requestor": False,
        "network": {"address": site, "type": "1"},
    }
    if pattern is not None:
        client["type"] = {"coding": [pattern.client]}
    agents = [client, server]
    if is_person:
        agents.append(_user(event, pattern))
    return agents


def _user(event: Event, pattern: _Pattern | None) -> Json:
    user: Json = {
        "type": {
            "coding": [
                _hl7("extra-security-role-type", "humanuser", "human user")
                if pattern is None
                else pattern.user
            ]
        },
        "who": _who(event),
        "requestor": True,
        "purposeOfUse": [{"coding": [_purpose(event)]}],
    }
    if event.agent.role:
        user["role"] = [{"text": event.agent.role}]
    if event.agent.session:
        # BALP puts what tells one authorisation from another here; this is a hash and opens nothing.
        user["policy"] = [f"urn:homevitals:session:{event.agent.session}"]
    return user


def _who(event: Event) -> Json:
    agent_id = event.agent.agent_id
    if not agent_id:
        return {"display": event.agent.kind.value}
    try:
        # FHIR's way to write a UUID as an identifier.
        identifier = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{UUID(agent_id)}"}
    except ValueError:
        identifier = {"value": agent_id}
    who: Json = {"identifier": identifier}
    if event.agent.kind is AgentKind.HOME_PERSON:
        who["type"] = "Patient" if event.agent.role == "patient" else "RelatedPerson"
    elif event.agent.kind in _RESOURCE_TYPES:
        who["type"] = _RESOURCE_TYPES[event.agent.kind]
    return who


def _address(event: Event) -> str:
    if event.agent.network:
        return event.agent.network
    return "localhost" if event.agent.kind in _AT_THE_SERVER else ""


def _network(event: Event, site: str) -> Json | None:
    address = _address(event)
    if not address:
        return None
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return {"address": site if address == "localhost" else address, "type": "1"}
    return {"address": address, "type": "2"}


def _purpose(event: Event) -> Json:
    return _hl7("v3-ActReason", event.purpose.value, _PURPOSES[event.purpose])


def _patient(patient_id: UUID | None) -> list[Json]:
    if patient_id is None:
        return []
    return [
        {
            "what": {"reference": f"Patient/{patient_id}", "type": "Patient"},
            "type": _PERSON,
            "role": _hl7("object-role", "1", "Patient"),
        }
    ]


def _object(event: Event, pattern: _Pattern | None) -> list[Json]:
    if not (event.resource or event.detail):
        return []
    if pattern is _QUERY:
        return [_query(event)]
    what: Json = {"display": event.resource or event.kind.value}
    if event.resource_id:
        what["identifier"] = {"value": event.resource_id}
    entity: Json = {
        "what": what,
        "type": _SYSTEM_OBJECT,
        "role": _hl7("object-role", "4", "Domain Resource"),
    }
    if event.detail:
        entity["detail"] = [
            {"type": name, "valueString": _detail_text(entry)}
            for name, entry in sorted(event.detail.items())
        ]
    return [entity]


def _query(event: Event) -> Json:
    # Not what was typed, which may hold a name: what was asked for, as the event has it.
    asked = event.resource + (f"/{event.resource_id}" if event.resource_id else "")
    if event.detail:
        asked += "?" + urllib.parse.urlencode(
            {name: _detail_text(entry) for name, entry in sorted(event.detail.items())}
        )
    return {
        "type": _SYSTEM_OBJECT,
        "role": _hl7("object-role", "24", "Query"),
        "description": asked,
        "query": base64.b64encode(asked.encode()).decode(),
    }


def _detail_text(entry: Any) -> str:
    # FHIR forbids an empty string.
    if isinstance(entry, str):
        return entry or '""'
    return json.dumps(entry, ensure_ascii=False, sort_keys=True)
