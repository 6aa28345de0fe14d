"""All that a reviewer of one patient's month may ask for, in one piece: registers, work, alerts, readings, proof.

A packet is rows as the database holds them, by section, and what the rules make of them today beside what was claimed.
Its content is put into one canonical form, whose SHA-256 names it: two packets of the same facts at the same instant
are the same bytes. The links of the time log's chain are in it, so that each row's own hash can be worked out from the
packet alone; see :func:`broken_links`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import tuple_row

from ccm_link import errors
from ccm_link.billing import patient_month
from ccm_link.billing.intervals import Span
from ccm_link.billing.rule_book import Book
from ccm_link.claim import month_facts
from ccm_link.minutes import time_chain
from ccm_link.month import Month
from ingest import named_queries, people

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.evidence", "audit_packet")

FORMAT: Final = "homevitals-audit-packet/1"
MOST_READINGS: Final = 20_000
"""Some three hundred a day; a packet with as many says that there may be more."""

# Where the row of a link stands: section and the column of its id.
_LINKED: Final[Mapping[str, tuple[str, str]]] = {
    "entry": ("time_entry", "entry_id"),
    "void": ("time_entry", "entry_id"),
    "dropped": ("dropped_time", "dropped_id"),
    "approval": ("time_approval", "approval_id"),
    "amendment": ("time_amendment", "amendment_id"),
    "decision": ("time_decision", "decision_id"),
    "lock": ("month_lock", "lock_id"),
}

# Columns that name members of staff, in whatever section.
_STAFF_COLUMNS: Final = frozenset(
    {
        *("staff_id", "owner_staff_id", "supervisor_staff_id", "of_staff_id", "practitioner_id"),
        *("voided_by", "decided_by", "amended_by", "locked_by", "signed_by", "shared_by"),
        *("reviewed_by", "reconciled_by", "taught_by", "set_up_by"),
    }
)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet.

    Attributes:
        content: what is in it, as JSON has it.
        text: the canonical form of it.
    """

    content: Mapping[str, Any]
    text: bytes

    @property
    def sha256(self) -> str:
        """The hexadecimal SHA-256 of the canonical form, which is the whole of the JSON file."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def sections(self) -> Mapping[str, list[dict[str, Any]]]:
        """The rows by section."""
        found: Mapping[str, list[dict[str, Any]]] = self.content["sections"]
        return found


def of_patient_month(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    month: Month,
    book: Book,
    *,
    made_by: str,
    at: datetime,
) -> Packet | None:
    """Put a packet together; None where the practice has no such patient, or the person does not see them.

    Args:
        cur: A transaction that works for the practice.
        practice_id: Whose.
        patient_id: Of whom.
        month: The practice's calendar month.
        book: The billing tables of the patient's payer.
        made_by: Who asked for it.
        at: Now, aware.
    """
    practice = people.practice(cur, practice_id)
    key = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "month_on": month.first_on,
        "limit": MOST_READINGS,
    }
    sections: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with cur.connection.cursor(row_factory=tuple_row) as rows:
        for statement in (_Q.registers, _Q.work):
            for section, content in rows.execute(statement, key):
                sections[section].append(content)
        sections["reading"] = [content for (content,) in rows.execute(_Q.readings, key)]
        if practice is None or not sections["patient"]:
            return None
        staff_ids = sorted(set(_staff_ids(sections)))
        sections["person"] = [
            content
            for (content,) in rows.execute(
                _Q.people, {"practice_id": practice_id, "staff_ids": staff_ids}
            )
        ]
    content = {
        "format": FORMAT,
        "made_at": at.isoformat(),
        "made_by": made_by,
        "practice": {"name": practice.name, "time_zone": practice.time_zone},
        "month": str(month),
        "chain": _chain(cur, practice_id, sections["time_link"]),
        "trace": _trace(cur, practice_id, patient_id, month, book, at),
        "may_lack_readings": len(sections["reading"]) == MOST_READINGS,
        "sections": {name: sections[name] for name in sorted(sections)},
    }
    return Packet(content, canonical(content))


def broken_links(content: Mapping[str, Any]) -> list[int]:
    """Return the positions of links that a packet's own rows do not bear out; nothing but the packet is asked. Pure.

    A link's content hash is worked out from the row beside it, and its chain hash where the link before is there too.
    What a packet leaves out it cannot show: that the chain as a whole holds is what ``homevitals time verify`` says.
    """
    sections: Mapping[str, list[dict[str, Any]]] = content["sections"]
    rows = {
        (kind, row[column]): row
        for kind, (section, column) in _LINKED.items()
        for row in sections.get(section, ())
    }
    hashes = {link["position"]: link["chain_sha256"] for link in sections.get("time_link", ())}
    return sorted(
        link["position"]
        for link in sections.get("time_link", ())
        if not _bears_out(
            link, rows.get((link["kind"], link["subject_id"])), hashes.get(link["position"] - 1)
        )
    )


def _bears_out(link: Mapping[str, Any], row: Mapping[str, Any] | None, before: str | None) -> bool:
    content = _bytes(link["content_sha256"])
    if row is None or time_chain.content_sha256(link["kind"], row) != content:
        return False
    if before is None:
        return True
    plain_link = {**link, "content_sha256": content}
    return time_chain.chain_sha256(_bytes(before), plain_link) == _bytes(link["chain_sha256"])


def _bytes(hexadecimal: str) -> bytes:
    """Return bytes that the database wrote into JSON."""
    return bytes.fromhex(hexadecimal.removeprefix("\\x"))


def _chain(cur: Cursor, practice_id: UUID, links: list[dict[str, Any]]) -> Any:
    """Check the practice's chain from the packet's first link to its end, and say how far and what was found."""
    if not links:
        return None
    first = min(link["position"] for link in links)
    last = time_chain.verify(cur, practice_id, last=0, sees_all=False).head.position
    verdict = time_chain.verify(cur, practice_id, last=last - first + 1, sees_all=False)
    return {
        "from_position": verdict.from_position,
        "head_position": verdict.head.position,
        "head_sha256": verdict.head.chain_sha256.hex(),
        "findings": [one.sentence for one in verdict.findings],
    }


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the one form of a content: keys in order, no spaces, UTF-8."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def plain(value: Any) -> Any:
    """Return a value of the billing rules as JSON has it: objects by their fields, instants and days in ISO 8601."""
    match value:
        case None | bool() | int() | float() | str():
            return value.value if isinstance(value, Enum) else value
        case datetime() | date():
            return value.isoformat()
        case UUID() | ZoneInfo() | Month():
            return str(value)
        case Span():
            return {"from_at": value.from_at.isoformat(), "until_at": value.until_at.isoformat()}
        case Mapping():
            return {str(plain(name)): plain(one) for name, one in value.items()}
        case tuple() | list() | frozenset():
            return [plain(one) for one in value]
        case _ if dataclasses.is_dataclass(value):
            named = ((one.name, getattr(value, one.name)) for one in dataclasses.fields(value))
            return {name: plain(one) for name, one in named}
        case _:
            raise TypeError(f"a {type(value).__name__} has no place in a packet")


def _trace(
    cur: Cursor, practice_id: UUID, patient_id: UUID, month: Month, book: Book, at: datetime
) -> Any:
    """Return what the rules make of the month now, with every row that they rest on; or why they make nothing of it."""
    known = month_facts.of_patients(cur, practice_id, [patient_id], month).get(patient_id)
    if known is None:
        return None
    try:
        return plain(patient_month.propose(book, known, at))
    except errors.NoBillingTable as error:
        return {"why_not": str(error)}


def _staff_ids(sections: Mapping[str, list[dict[str, Any]]]) -> Iterator[UUID]:
    for rows in sections.values():
        for row in rows:
            for name in _STAFF_COLUMNS & row.keys():
                if row[name] is not None:
                    yield UUID(row[name])
