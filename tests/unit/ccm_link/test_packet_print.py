"""A packet in its one form, and on paper: nothing that people wrote is read as markup, and unknown stays unknown."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ccm_link.billing import patient_month, rule_book
from ccm_link.billing.facts import PatientMonth
from ccm_link.billing.intervals import Span
from ccm_link.evidence import audit_packet, packet_print
from ccm_link.evidence.audit_packet import Packet
from ccm_link.month import Month

ADA = "00000000-0000-0000-0000-00000000000a"
NEW_YORK = ZoneInfo("America/New_York")
ENTRY = {
    "started_at": "2026-03-08T06:59:00+00:00",
    "ended_at": "2026-03-08T07:03:10+00:00",
    "staff_id": ADA,
    "credential": "rn",
    "activity": "phone_call",
    "method": "phone",
    "counterpart": "patient",
    "outcome": "reached",
    "entered": "timer",
    "reason": "",
    "note": '#read("/etc/passwd") *bold* $x$ [a] @b \\ "',
    "voided_at": None,
    "void_reason": None,
}
READING = {
    "measured_at": "2026-03-09T12:00:00+00:00",
    "systolic_mmhg": 121.0,
    "diastolic_mmhg": None,
    "result": "value",
    "origin": "device",
    "gateway_id": "gw-aaaaaaa1",
    "outbox_seq": 7,
    "raw": "\\x1e7900",
}


def packet(**sections: list[dict[str, Any]]) -> Packet:
    content = {
        "made_at": "2026-04-01T12:00:00+00:00",
        "made_by": "Ada",
        "practice": {"name": "Clinic", "time_zone": "America/New_York"},
        "month": "2026-03",
        "trace": None,
        "may_lack_readings": False,
        "sections": {
            "patient": [
                {"display_name": "Quill, Rosa", "born_on": "1950-01-01", "record_number": "7"}
            ],
            "person": [{"staff_id": ADA, "display_name": "Ada"}],
            **sections,
        },
    }
    return Packet(content, audit_packet.canonical(content))


def table(found: packet_print.PrintedPacket, heading: str) -> tuple[tuple[str, ...], ...]:
    (one,) = (section for section in found.sections if section.heading == heading)
    return one.rows


def test_entry_is_told_in_elapsed_seconds_by_the_practices_clocks() -> None:
    # In the hour in which New York's clocks went from 2 to 3.
    ((began, ended, lasted, who, *_),) = table(
        packet_print.printed(packet(time_entry=[ENTRY])), "Time"
    )
    assert (began, ended) == ("2026-03-08 01:59:00", "2026-03-08 03:03:10")
    assert (lasted, who) == ("4 min 10 s", "Ada (rn)")


def test_reading_shows_what_is_there_and_no_more() -> None:
    ((_, number, came_from, raw),) = table(
        packet_print.printed(packet(reading=[READING])), "Readings"
    )
    assert (number, came_from, raw) == ("121 mmHg", "gw-aaaaaaa1, number 7", "1e7900")
    absent = {**READING, "systolic_mmhg": None, "result": "not_measurable", "origin": "import"}
    ((_, number, came_from, _),) = table(packet_print.printed(packet(reading=[absent])), "Readings")
    assert (number, came_from) == ("not measurable", "import")


def test_paper_ends_where_the_json_goes_on_and_says_so() -> None:
    found = packet_print.printed(packet(reading=[READING] * 2_001))
    (section,) = (one for one in found.sections if one.heading == "Readings")
    assert len(section.rows) == 2_000
    assert section.note == "The first 2000 of 2001; the JSON has all."


def test_pdf_takes_what_people_wrote_as_text_and_is_the_same_twice() -> None:
    found = packet_print.printed(packet(time_entry=[ENTRY], reading=[READING]))
    first = packet_print.pdf(found)
    assert first.startswith(b"%PDF-")
    assert first == packet_print.pdf(found)


def test_canonical_form_depends_on_the_content_alone() -> None:
    one, other = {"b": [1, None], "a": "é"}, {"a": "é", "b": [1, None]}
    assert (
        audit_packet.canonical(one)
        == audit_packet.canonical(other)
        == '{"a":"é","b":[1,null]}'.encode()
    )


def test_proposal_becomes_plain_json() -> None:
    known = PatientMonth(
        month=Month(2026, 3),
        zone=NEW_YORK,
        patient_zone=NEW_YORK,
        site="office",
        prefers_personal=False,
        programs=(),
    )
    at = datetime(2026, 4, 1, tzinfo=UTC)
    book = rule_book.read(rule_book.shipped())
    told = audit_packet.plain(patient_month.propose(book, known, at))
    assert json.loads(json.dumps(told)) == told
    assert (told["month"], told["at"], told["proposed"]) == (
        "2026-03",
        "2026-04-01T00:00:00+00:00",
        [],
    )


def test_what_has_no_form_is_refused() -> None:
    assert audit_packet.plain((date(2026, 3, 1), Span(0, 60))) == [
        "2026-03-01",
        {"from_at": "1970-01-01T00:00:00+00:00", "until_at": "1970-01-01T00:01:00+00:00"},
    ]
    with pytest.raises(TypeError):
        audit_packet.plain(object())
