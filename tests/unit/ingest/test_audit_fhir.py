"""Events as FHIR: against the model of the resource, and against what the BALP profiles require.

The profiles stand here as a table of what they fix. Source: IHE BALP 1.1.4, https://profiles.ihe.net/ITI/BALP/1.1.4/
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from ingest import audit_fhir
from ingest.audit import Action, Agent, AgentKind, Event, Kind, Outcome, Purpose

DICOM = "http://dicom.nema.org/resources/ontology/DCM"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
STAFF = UUID(int=0x51AFF)
ONE, OTHER = UUID(int=1), UUID(int=2)
CLINICIAN = Agent(AgentKind.STAFF, str(STAFF), "clinician", "2001:db8::7", "0123456789abcdef")


def event(**changes: Any) -> Event:
    made = Event(
        practice_id=UUID(int=7),
        event_id=UUID(int=8),
        at=datetime(2026, 11, 12, 15, 42, 0, 123456, tzinfo=UTC),
        kind=Kind.READ,
        action=Action.READ,
        agent=CLINICIAN,
        patient_ids=(ONE,),
        resource="patient_page",
        resource_id=str(ONE),
        detail={"readings": 90, "from": "2026-08-01"},
    )
    return replace(made, **changes)


def one(made: Event) -> dict[str, Any]:
    (resource,) = audit_fhir.resources(made, "homevitals.example")
    AuditEvent.model_validate(resource)
    return resource


@dataclass(frozen=True)
class Profile:
    """What a profile fixes."""

    interaction: set[str]
    action: str
    client: tuple[str, str]
    server: tuple[str, str]
    user: set[str]
    object_roles: set[str]


SOURCE, DESTINATION = (DICOM, "110153"), (DICOM, "110152")
AUTHORS, RECIPIENT, ROLES = {"AUT", "INF", "CST"}, {"IRCP"}, {"3", "4", "20"}
CUSTODIAN = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian")
PROFILES = {
    "Create": Profile({"create"}, "C", SOURCE, DESTINATION, AUTHORS, ROLES),
    "Read": Profile({"read", "vread"}, "R", DESTINATION, SOURCE, RECIPIENT, ROLES),
    "Update": Profile({"update", "patch"}, "U", SOURCE, DESTINATION, AUTHORS, ROLES),
    "Delete": Profile({"delete"}, "D", (DICOM, "110150"), CUSTODIAN, AUTHORS, ROLES),
    "Query": Profile(
        {"search", "search-type", "search-system"}, "E", SOURCE, DESTINATION, RECIPIENT, {"24"}
    ),
}  # fmt: skip


def assert_conforms(resource: dict[str, Any], name: str, *, has_patient: bool) -> None:
    """Hold a resource against what BALP requires."""
    profile = PROFILES[name]
    wanted = f"{audit_fhir.PROFILES}{'Patient' if has_patient else ''}{name}"
    assert resource["meta"]["profile"] == [wanted]
    assert (resource["type"]["system"], resource["type"]["code"]) == (
        "http://terminology.hl7.org/CodeSystem/audit-event-type",
        "rest",
    )
    interactions = [
        code["code"]
        for code in resource["subtype"]
        if code["system"] == "http://hl7.org/fhir/restful-interaction"
    ]
    assert len(interactions) == 1
    assert interactions[0] in profile.interaction
    assert resource["action"] == profile.action
    assert resource["outcome"] == "0"
    _assert_agents(resource["agent"], profile)
    entities = [(entity["type"]["code"], entity) for entity in resource["entity"]]
    people = [entity for code, entity in entities if code == "1"]
    assert len(people) == (1 if has_patient else 0)
    for person in people:
        assert person["role"]["code"] == "1"
        assert person["what"]["reference"].startswith("Patient/")
    (thing,) = [entity for code, entity in entities if code == "2"]
    assert thing["role"]["code"] in profile.object_roles
    if name == "Query":
        assert base64.b64decode(thing["query"], validate=True)
        assert not {"what", "lifecycle", "detail"} & set(thing)
    else:
        assert thing["what"]


def _assert_agents(agents: list[dict[str, Any]], profile: Profile) -> None:
    def of(system: str, code: str) -> list[dict[str, Any]]:
        wanted = {"system": system, "code": code}
        return [agent for agent in agents if wanted.items() <= agent["type"]["coding"][0].items()]

    for kind in (profile.client, profile.server):
        (machine,) = of(*kind)
        assert machine["who"]
        assert machine["network"]["address"]
        assert "media" not in machine
    users = [agent for code in profile.user for agent in of(PARTICIPATION, code)]
    assert len(users) <= 1
    for user in users:
        assert user["who"]
        assert user["requestor"] is True
        assert not {"network", "media"} & set(user)


@pytest.mark.parametrize("has_patient", [True, False], ids=["patient", "no patient"])
@pytest.mark.parametrize(
    ("kind", "action", "name"),
    [
        (Kind.CHANGE, Action.CREATE, "Create"),
        (Kind.READ, Action.READ, "Read"),
        (Kind.CHANGE, Action.UPDATE, "Update"),
        (Kind.CHANGE, Action.DELETE, "Delete"),
        (Kind.READ, Action.EXECUTE, "Query"),
        (Kind.BREAK_GLASS_REVIEW, Action.UPDATE, "Update"),
    ],
)
def test_what_is_done_with_records_follows_its_profile(
    kind: Kind, action: Action, name: str, has_patient: bool
) -> None:
    made = event(kind=kind, action=action, patient_ids=(ONE,) if has_patient else ())
    assert_conforms(one(made), name, has_patient=has_patient)


@pytest.mark.parametrize(
    "agent",
    [
        Agent(AgentKind.HOME_PERSON, str(STAFF), "carer", "192.0.2.1", "0" * 16),
        Agent(AgentKind.GATEWAY, "gw-aaaa1111", "", "192.0.2.1"),
        Agent(AgentKind.SERVICE, "guard-1"),
        Agent(AgentKind.COMMAND_LINE, "root"),
        Agent(AgentKind.NOBODY, "", "", "192.0.2.1"),
    ],
    ids=lambda agent: agent.kind.value,
)
def test_every_sort_of_agent_follows_the_profile(agent: Agent) -> None:
    assert_conforms(one(event(agent=agent)), "Read", has_patient=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome.REFUSED},
        {"outcome": Outcome.FAILED},
        {"agent": replace(CLINICIAN, network="")},
        {"resource": ""},
        {"kind": Kind.CHANGE, "action": Action.EXECUTE},
    ],
    ids=["refused", "failed", "no address", "no resource", "operation"],
)
def test_no_profile_is_claimed_that_is_not_kept(changes: dict[str, Any]) -> None:
    assert "profile" not in one(event(**changes))["meta"]


@pytest.mark.parametrize(
    ("kind", "action", "codes"),
    [
        (Kind.SIGN_IN, Action.EXECUTE, ["110114", "110122"]),
        (Kind.SIGN_OUT, Action.EXECUTE, ["110114", "110123"]),
        (Kind.SESSION_ENDED, Action.EXECUTE, ["110114", "110123"]),
        (Kind.BREAK_GLASS, Action.EXECUTE, ["110113", "110127"]),
        (Kind.CODE_ISSUED, Action.CREATE, ["110113", "110137"]),
        (Kind.GATEWAY_ENROLLED, Action.CREATE, ["110108", "110124"]),
        (Kind.GATEWAY_RENEWED, Action.UPDATE, ["110113", "110135"]),
        (Kind.GATEWAY_REVOKED, Action.UPDATE, ["110113", "110135"]),
        (Kind.GATEWAY_CUT_OFF, Action.EXECUTE, ["110108", "110125"]),
        (Kind.EXPORT, Action.READ, ["110106"]),
        (Kind.RESTORED, Action.EXECUTE, ["110107"]),
    ],
)
def test_security_events_have_the_codes_of_dicom(
    kind: Kind, action: Action, codes: list[str]
) -> None:
    resource = one(event(kind=kind, action=action))
    found = [resource["type"], *resource.get("subtype", [])]
    assert [code["code"] for code in found] == codes
    assert {code["system"] for code in found} == {DICOM}
    assert "profile" not in resource["meta"]


def test_every_kind_with_every_action_outcome_and_agent_is_a_resource() -> None:
    agents = [Agent(kind, "x") for kind in AgentKind]
    for kind in Kind:
        for action in Action:
            for outcome in Outcome:
                for agent in agents:
                    one(event(kind=kind, action=action, outcome=outcome, agent=agent))


def test_emergency_access_says_so_with_its_purpose() -> None:
    resource = one(
        event(
            kind=Kind.BREAK_GLASS,
            action=Action.EXECUTE,
            purpose=Purpose.EMERGENCY_TREATMENT,
            resource="break_glass",
        )
    )
    (purpose,) = resource["purposeOfEvent"][0]["coding"]
    assert purpose["system"] == "http://terminology.hl7.org/CodeSystem/v3-ActReason"
    assert purpose["code"] == "ETREAT"
    user = next(agent for agent in resource["agent"] if agent["requestor"])
    assert user["purposeOfUse"][0]["coding"] == [purpose]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.SUCCESS, "0"), (Outcome.REFUSED, "4"), (Outcome.FAILED, "8")],
)
def test_the_outcome_is_coded(outcome: Outcome, code: str) -> None:
    assert one(event(outcome=outcome))["outcome"] == code


def test_who_when_and_from_where_are_all_there() -> None:
    resource = one(event())
    assert resource["recorded"] == "2026-11-12T15:42:00.123456Z"
    assert resource["source"]["site"] == "homevitals.example"
    client, server, user = resource["agent"]
    assert client["network"] == {"address": "2001:db8::7", "type": "2"}
    assert server["network"] == {"address": "homevitals.example", "type": "1"}
    assert user["who"]["type"] == "Practitioner"
    assert user["who"]["identifier"]["value"] == f"urn:uuid:{STAFF}"
    assert user["role"] == [{"text": "clinician"}]
    assert user["policy"] == ["urn:homevitals:session:0123456789abcdef"]


def test_several_patients_are_several_resources_of_one_event() -> None:
    found = list(audit_fhir.resources(event(patient_ids=(ONE, OTHER)), "x"))
    assert len({resource["id"] for resource in found}) == 2
    assert {resource["meta"]["source"] for resource in found} == {f"urn:uuid:{UUID(int=8)}"}
    assert [resource["entity"][0]["what"]["reference"] for resource in found] == [
        f"Patient/{ONE}",
        f"Patient/{OTHER}",
    ]
    # The other patient is nowhere in the resource of the first.
    assert str(OTHER) not in json.dumps(found[0])
    for resource in found:
        AuditEvent.model_validate(resource)
        assert_conforms(resource, "Read", has_patient=True)
    again = list(audit_fhir.resources(event(patient_ids=(ONE, OTHER)), "x"))
    assert again == found


def test_a_query_says_what_was_asked_for() -> None:
    asked = {"status": "open", "limit": 50}
    resource = one(event(action=Action.EXECUTE, resource="task", resource_id="", detail=asked))
    (query,) = [entity for entity in resource["entity"] if "query" in entity]
    assert query["description"] == "task?limit=50&status=open"
    assert base64.b64decode(query["query"]).decode() == query["description"]


def test_before_and_after_stand_in_the_detail() -> None:
    detail = {"before": {"high": 180}, "after": {"high": 175.5}, "note": "", "ü": "نور"}
    resource = one(event(kind=Kind.CHANGE, action=Action.UPDATE, detail=detail))
    assert resource["entity"][1]["detail"] == [
        {"type": "after", "valueString": '{"high": 175.5}'},
        {"type": "before", "valueString": '{"high": 180}'},
        {"type": "note", "valueString": '""'},
        {"type": "ü", "valueString": "نور"},
    ]


@pytest.mark.parametrize("resource", ["staff", "restriction"])
def test_changes_of_who_may_see_what_are_security_events_too(resource: str) -> None:
    made = one(event(kind=Kind.CHANGE, action=Action.UPDATE, resource=resource))
    assert made["subtype"][1]["system"] == DICOM
    assert_conforms(made, "Update", has_patient=True)
