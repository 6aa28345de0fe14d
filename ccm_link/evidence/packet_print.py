"""An audit packet for reading: its sections as tables, and as a PDF that is the same for the same packet. Pure.

The paper shows what a reviewer asks for first; the JSON beside it has every column. What people wrote goes into the
template as data, never as its source: see ``audit_packet.typ``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

import typst

from ccm_link.billing import words
from ccm_link.evidence.audit_packet import Packet

Row = Mapping[str, Any]

_TEMPLATE: Final = "audit_packet.typ"
_SHOWN_BYTES: Final = 40  # of a frame, in hex digits; the JSON has all
# Thirty a day for two months. Ten times as many are set with a gigabyte of memory.
_MOST_READINGS: Final = 2_000
_NUMBERS: Final = (
    ("systolic_mmhg", "diastolic_mmhg", "mmHg"),
    ("glucose_mg_dl", None, "mg/dL"),
    ("weight_kg", None, "kg"),
    ("spo2_percent", None, "%"),
    ("temperature_celsius", None, "°C"),
    ("ketone_mmol_l", None, "mmol/L"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with a table, or a sentence where there is none."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PrintedPacket:
    """A packet as it is read; `foot` stands on every page and names the packet by its hash."""

    title: str
    head: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    foot: str


def printed(packet: Packet) -> PrintedPacket:
    """Return a packet as it is read, times by the practice's clocks."""
    content, rows = packet.content, packet.sections
    say = _Speaker(ZoneInfo(content["practice"]["time_zone"]), rows.get("person", []))
    (patient,) = rows["patient"]
    return PrintedPacket(
        title=f"Audit packet, {content['month']}",
        head=(
            ("Practice", content["practice"]["name"]),
            ("Patient", f"{patient['display_name']}, born {patient['born_on']}"),
            ("Record", patient["record_number"]),
            ("Made", f"{say.moment(content['made_at'])}, by {content['made_by']}"),
            ("SHA-256 of the JSON", packet.sha256),
        ),
        sections=tuple(_sections(content, rows, say)),
        foot=f"{content['month']} · {packet.sha256[:16]}…",
    )


def pdf(found: PrintedPacket) -> bytes:
    """Return a packet as a PDF, tagged for screen readers."""
    template = (resources.files("ccm_link.evidence") / _TEMPLATE).read_bytes()
    return typst.compile(template, format="pdf", sys_inputs={"packet": json.dumps(asdict(found))})


class _Speaker:
    """Instants and people as a person reads them."""

    def __init__(self, zone: ZoneInfo, people: Sequence[Row]) -> None:
        self._zone = zone
        self._names = {one["staff_id"]: one["display_name"] for one in people}

    def moment(self, at: str | None) -> str:
        """Return an instant by the practice's clocks; an endless one, and an unknown one, as what they are."""
        if at is None:
            return "not known"
        if at == "infinity":
            return "no end"
        return f"{datetime.fromisoformat(at).astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def person(self, staff_id: str | None) -> str:
        """Return who that is."""
        return "nobody" if staff_id is None else self._names.get(staff_id, staff_id)


def _sections(content: Row, rows: Mapping[str, Sequence[Row]], say: _Speaker) -> Iterator[Section]:
    claims = {one["claim_id"]: one for one in rows.get("claim", ())}
    yield Section(
        "What is claimed",
        ("Claim", "State", "Code", "Units", "Period"),
        tuple(
            (
                str(claims[one["claim_id"]]["claim_number"]),
                claims[one["claim_id"]]["state"],
                one["code"],
                str(one["units"]),
                f"{one['first_on']} to {one['last_on']}",
            )
            for one in rows.get("claim_line", ())
        ),
    )
    yield from _trace(content["trace"])
    yield Section(
        "Consent",
        ("Documented", "How", "By whom", "Taken by", "What was told", "Revoked"),
        tuple(
            (
                say.moment(one["documented_at"]),
                _said(one["method"]),
                _said(one["given_by"]),
                one["taken_by"],
                ", ".join(map(_said, one["elements"])),
                say.moment(one["revoked_at"]) if one["revoked_at"] else "no",
            )
            for one in rows.get("consent", ())
        ),
    )
    yield Section(
        "What was attested",
        ("Requirement", "Met", "On what", "By", "From"),
        tuple(
            (
                _said(one["requirement"]),
                "yes" if one["is_met"] else "no",
                one["basis"],
                one["attested_by"],
                one["from_on"],
            )
            for one in rows.get("attestation", ())
        ),
    )
    yield Section(
        "Care plan",
        ("Version", "Signed", "By"),
        tuple(
            (str(one["version"]), say.moment(one["signed_at"]), say.person(one["signed_by"]))
            for one in rows.get("care_plan", ())
        ),
    )
    yield Section(
        "Time",
        ("From", "Until", "Time", "Who", "What", "Contact", "Entered", "Note"),
        tuple(_entry(one, say) for one in rows.get("time_entry", ())),
    )
    yield Section(
        "What was said about it later",
        ("When", "What", "By", "Why"),
        tuple(
            (say.moment(one[at]), what, say.person(one[by]), one[why] or "")
            for section, at, what, by, why in (
                ("time_amendment", "amended_at", "amended", "amended_by", "reason"),
                ("time_approval", "decided_at", "looked at", "decided_by", "note"),
                ("time_decision", "decided_at", "decided which counts", "decided_by", "reason"),
            )
            for one in rows.get(section, ())
        ),
    )
    yield Section(
        "Tasks",
        ("Opened", "Task", "Done", "By", "What became of it"),
        tuple(
            (
                say.moment(one["opened_at"]),
                one["title"],
                say.moment(one["completed_at"]) if one["completed_at"] else "open",
                say.person(one["owner_staff_id"]),
                f"{_said(one['disposition'] or '')} {one['disposition_note'] or ''}".strip(),
            )
            for one in rows.get("task", ())
        ),
    )
    yield Section(
        "Alerts",
        ("When", "What happened", "In words"),
        tuple(
            (say.moment(one["at"]), _said(one["event"]), one["note"])
            for one in rows.get("alert_event", ())
        ),
    )
    yield Section(
        "Readings",
        ("Measured", "Result", "From", "Bytes"),
        tuple(_reading(one, say) for one in rows.get("reading", ())[:_MOST_READINGS]),
        _of_readings(len(rows.get("reading", ())), may_be_more=content["may_lack_readings"]),
    )
    yield Section(
        "Proof",
        ("Link", "Of", "Content, SHA-256", "Chain, SHA-256"),
        tuple(
            (
                str(one["position"]),
                one["kind"],
                one["content_sha256"].removeprefix("\\x")[:16],
                one["chain_sha256"].removeprefix("\\x")[:16],
            )
            for one in rows.get("time_link", ())
        ),
    )


def _trace(trace: Any) -> Iterator[Section]:
    if not trace or "why_not" in trace:
        why = trace["why_not"] if trace else "The patient has nothing to bill in this month."
        yield Section("What the rules make of it now", (), (), why)
        return
    yield Section(
        "What the rules make of it now",
        ("Code", "State", "Units", "Rests on", "Rule and source"),
        tuple(
            (
                line["code"],
                state,
                str(len(line["units"])),
                _ground(line),
                "; ".join(
                    f"{rule['table']}: {rule['row']['source']}" for rule in line["rules"][:1]
                ),
            )
            for state in ("proposed", "held")
            for line in trace[state]
        ),
    )
    yield Section(
        "What a person has to look at, or has",
        ("Matter", "Stops", "Settled because"),
        tuple(
            (one["words"], "yes" if one["stops"] else "no", one["settled_because"] or "open")
            for one in trace["holds"]
        ),
    )


def _ground(line: Row) -> str:
    days = {day["day"] for unit in line["units"] for day in unit["days"]}
    seconds = sum(
        int(
            (
                datetime.fromisoformat(share["span"]["until_at"])
                - datetime.fromisoformat(share["span"]["from_at"])
            ).total_seconds()
        )
        for unit in line["units"]
        for share in unit["shares"]
    )
    return words.counted(len(days), "day") if days else words.duration(seconds)


def _entry(one: Row, say: _Speaker) -> tuple[str, ...]:
    seconds = (
        datetime.fromisoformat(one["ended_at"]) - datetime.fromisoformat(one["started_at"])
    ).total_seconds()
    note = one["note"]
    if one["voided_at"]:
        note = f"VOIDED {say.moment(one['voided_at'])}: {one['void_reason']} · {note}"
    return (
        say.moment(one["started_at"]),
        say.moment(one["ended_at"]),
        words.duration(int(seconds)),
        f"{say.person(one['staff_id'])} ({one['credential']})",
        _said(one["activity"]),
        f"{_said(one['method'])}, {_said(one['counterpart'])}, {_said(one['outcome'])}",
        _said(one["entered"]) + (f": {one['reason']}" if one["reason"] else ""),
        note,
    )


def _of_readings(count: int, *, may_be_more: bool) -> str:
    parts = ["There may be more than these."] if may_be_more else []
    if count > _MOST_READINGS:
        parts.insert(0, f"The first {_MOST_READINGS} of {count}; the JSON has all.")
    return " ".join(parts)


def _reading(one: Row, say: _Speaker) -> tuple[str, ...]:
    return (
        say.moment(one["measured_at"]),
        next(_numbers(one), _said(one["result"])),
        f"{one['gateway_id']}, number {one['outbox_seq']}"
        if one["origin"] == "device"
        else _said(one["origin"]),
        one["raw"].removeprefix("\\x")[:_SHOWN_BYTES],
    )


def _numbers(one: Row) -> Iterator[str]:
    for first, second, unit in _NUMBERS:
        if one.get(first) is not None:
            rest = f"/{one[second]:g}" if second and one[second] is not None else ""
            yield f"{one[first]:g}{rest} {unit}"


def _said(name: str) -> str:
    return name.replace("_", " ")
