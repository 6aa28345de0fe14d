from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import audit_chain
from ingest.audit import Action, Agent, AgentKind, Event, Kind, Outcome, Purpose
from ingest.audit_chain import Link

PRACTICE, EVENT, PATIENT = UUID(int=1), UUID(int=2), UUID(int=0xABC)
AT = datetime(2026, 11, 12, 15, 42, 0, 1, tzinfo=UTC)


def event(**changes: Any) -> Event:
    made = Event(
        practice_id=PRACTICE,
        event_id=EVENT,
        at=AT,
        kind=Kind.CHANGE,
        action=Action.UPDATE,
        agent=Agent(AgentKind.STAFF, "someone", "clinician", "192.0.2.7", "0123456789abcdef"),
        patient_ids=(PATIENT,),
        resource="threshold",
        resource_id="7",
        detail={"before": {"high": 180}, "after": {"high": 175.5}},
    )
    return replace(made, **changes)


def sha(made: Event) -> bytes:
    return audit_chain.event_sha256(audit_chain.columns_of(made))


def test_the_bytes_of_an_event_are_these() -> None:
    assert audit_chain.canonical_bytes(audit_chain.columns_of(event())).decode() == (
        '{"action":"U","agent_id":"someone","agent_kind":"staff","agent_role":"clinician",'
        '"at":"2026-11-12T15:42:00.000001Z","detail":{"after":{"high":175.5},"before":{"high":180}},'
        '"event_id":"00000000-0000-0000-0000-000000000002","kind":"change","network":"192.0.2.7","outcome":"success",'
        '"patient_ids":["00000000-0000-0000-0000-000000000abc"],"practice_id":"00000000-0000-0000-0000-000000000001",'
        '"purpose":"TREAT","resource":"threshold","resource_id":"7","session":"0123456789abcdef"}'
    )


def test_all_columns_of_the_table_are_in_the_bytes() -> None:
    assert set(audit_chain.columns_of(event())) == set(audit_chain.EVENT_COLUMNS)


@pytest.mark.parametrize(
    "changes",
    [
        {"practice_id": UUID(int=9)},
        {"event_id": UUID(int=9)},
        {"at": AT + timedelta(microseconds=1)},
        {"kind": Kind.READ},
        {"action": Action.READ},
        {"outcome": Outcome.REFUSED},
        {
            "agent": Agent(
                AgentKind.GATEWAY, "someone", "clinician", "192.0.2.7", "0123456789abcdef"
            )
        },
        {"agent": Agent(AgentKind.STAFF, "other", "clinician", "192.0.2.7", "0123456789abcdef")},
        {"agent": Agent(AgentKind.STAFF, "someone", "auditor", "192.0.2.7", "0123456789abcdef")},
        {"agent": Agent(AgentKind.STAFF, "someone", "clinician", "192.0.2.8", "0123456789abcdef")},
        {"agent": Agent(AgentKind.STAFF, "someone", "clinician", "192.0.2.7", "1123456789abcdef")},
        {"purpose": Purpose.EMERGENCY_TREATMENT},
        {"patient_ids": ()},
        {"patient_ids": (PATIENT, UUID(int=5))},
        {"resource": "x"},
        {"resource_id": "8"},
        {"detail": {"before": {"high": 180}, "after": {"high": 175.6}}},
        {"detail": {"before": {"high": 180}, "after": {"high": "175.5"}}},
        {"detail": {"before": {"high": 180}, "after": {"high": 175.5}, "more": None}},
    ],
    ids="-".join,
)
def test_a_change_of_any_column_is_another_hash(changes: dict[str, Any]) -> None:
    assert sha(event(**changes)) != sha(event())


def test_the_order_of_patients_counts_and_the_order_of_keys_does_not() -> None:
    two = (PATIENT, UUID(int=5))
    assert sha(event(patient_ids=two)) != sha(event(patient_ids=two[::-1]))
    assert sha(event(detail={"a": 1, "b": [1, 2]})) == sha(event(detail={"b": [1, 2], "a": 1}))
    assert sha(event(detail={"a": [2, 1]})) != sha(event(detail={"a": [1, 2]}))


def test_an_instant_counts_and_not_the_zone_it_is_written_in() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-5)))
    assert sha(event(at=elsewhere)) == sha(event())


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        sha(event(at=AT.replace(tzinfo=None)))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (0.1, "0.1"),
        (Decimal("0.10000000000000000001"), "0.10000000000000000001"),
        (Decimal("15E-1"), "1.5"),
        (Decimal("1.00E+2"), "100"),
        (2**80, str(2**80)),
    ],
)
def test_a_number_has_one_form(number: Any, text: str) -> None:
    assert audit_chain.canonical_bytes([number]).decode() == f"[{text}]"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN")])
def test_a_number_that_is_none_is_refused(number: Any) -> None:
    with pytest.raises(ValueError, match="finite"):
        audit_chain.canonical_bytes({"x": number})


def test_what_has_no_place_in_an_event_is_refused() -> None:
    with pytest.raises(TypeError):
        audit_chain.canonical_bytes({"x": b"bytes"})
    with pytest.raises(TypeError):
        audit_chain.canonical_bytes({1: "x", "b": 2})


def test_text_beyond_ascii_stands_as_itself_in_utf_8() -> None:
    written = audit_chain.canonical_bytes({"ü": 'نور 🙂 "\\\n', "z": {"Z": True, "a": None}})
    assert written == '{"z":{"Z":true,"a":null},"ü":"نور 🙂 \\"\\\\\\n"}'.encode()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)  # fmt: skip


@given(_JSON.map(lambda node: {"x": node}))
def test_canonical_bytes_are_json_of_the_same(node: dict[str, Any]) -> None:
    try:
        written = audit_chain.canonical_bytes(node)
    except UnicodeEncodeError:
        return  # a lone surrogate, which the database refuses as well
    exact = {"parse_float": Decimal, "parse_int": Decimal}
    assert json.loads(written, **exact) == json.loads(json.dumps(node), **exact)
    assert audit_chain.canonical_bytes(json.loads(written, **exact)) == written


def stored(made: Event, **changes: Any) -> dict[str, Any]:
    columns = audit_chain.columns_of(made)
    columns["at"] = audit_chain.instant(made.at)
    columns["detail"] = json.dumps(made.detail)
    return {**columns, **changes, "position": 3}


def test_an_event_from_the_database_has_the_hash_of_the_one_in_memory() -> None:
    read = audit_chain.stored_columns(stored(event()))
    assert audit_chain.event_sha256(read) == sha(event())


@pytest.mark.parametrize(
    "changes",
    [
        {"detail": "[" * 5000 + "]" * 5000},
        {"detail": None},
        {"detail": "1" * 6000},
        {"at": "infinity"},
        {"kind": "no such kind"},
        {"kind": None},
        {"patient_ids": None},
    ],
    ids=["deep", "no detail", "long number", "no instant", "no kind", "null", "no patients"],
)
def test_whatever_stands_in_the_database_has_a_hash(changes: dict[str, Any]) -> None:
    found = audit_chain.event_sha256(audit_chain.stored_columns(stored(event(), **changes)))
    assert len(found) == 32
    assert found != sha(event())


def test_a_detail_at_the_limit_is_read_and_one_beyond_stands_as_its_text() -> None:
    def nested(levels: int) -> str:
        return "[" * levels + "]" * levels

    at_limit = audit_chain.MAX_DEPTH - 1  # the event itself is the first level
    assert isinstance(
        audit_chain.stored_columns(stored(event(), detail=nested(at_limit)))["detail"], list
    )
    beyond = nested(at_limit + 1)
    assert audit_chain.stored_columns(stored(event(), detail=beyond))["detail"] == beyond


def test_the_genesis_is_the_practices_own() -> None:
    expected = hashlib.sha256(b"homevitals audit genesis v1\n" + str(PRACTICE).encode()).digest()
    assert audit_chain.genesis(PRACTICE) == expected
    assert audit_chain.genesis(UUID(int=0)) != expected


def test_a_link_is_over_the_one_before_and_all_its_columns() -> None:
    link = Link(PRACTICE, 1, EVENT, b"e" * 32, AT)
    previous = audit_chain.genesis(PRACTICE)
    first = audit_chain.chain_sha256(previous, link)
    assert first == audit_chain.chain_sha256(
        previous, replace(link, sealed_at="2026-11-12T15:42:00.000001Z")
    )
    others = [
        audit_chain.chain_sha256(b"x" * 32, link),
        *(
            audit_chain.chain_sha256(previous, replace(link, **change))
            for change in (
                {"practice_id": UUID(int=3)},
                {"position": 2},
                {"event_id": UUID(int=3)},
                {"event_sha256": b"f" * 32},
                {"sealed_at": AT + timedelta(microseconds=1)},
            )
        ),
    ]
    assert len({first, *others}) == 7
