r"""The hash chain of a practice's time log, checked: every entry, and all that happened to one later, has its link.

The database makes a link for each row when its transaction ends; here each is computed again, by other code. Anybody
can do the same with SHA-256 and a JSON writer, in the canonical form of :mod:`ingest.audit_chain`:

- ``content_sha256`` = SHA-256("homevitals time content v1\n" + canonical bytes of the row's :data:`COLUMNS`).
- ``chain_sha256`` of link n = SHA-256("homevitals time link v1\n" + chain_sha256 of link n-1 + canonical bytes of the
  link's practice_id, position, kind, subject_id, content_sha256 in hexadecimal digits, and linked_at). Link 0 is the
  genesis: SHA-256("homevitals time genesis v1\n" + the practice's id).

Who locks a month keeps the chain's head in the lock and in the audit trail, whose heads are signed: a chain that was
made anew from an earlier place on fits them no more. No chain knows its own end: that its newest links were taken away
with their rows is seen by the trail, which tells of each entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from ingest import audit_chain, named_queries, tenancy

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.minutes", "time_chain")
_CONTENT: Final = b"homevitals time content v1\n"
_LINK: Final = b"homevitals time link v1\n"
_GENESIS: Final = b"homevitals time genesis v1\n"
_ROWS_AT_ONCE: Final = 1000

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "entry": (
        "practice_id",
        "entry_id",
        "staff_id",
        "staff_role",
        "patient_id",
        "task_id",
        "activity",
        "started_at",
        "ended_at",
        "note",
        "entered",
        "reason",
        "entered_at",
        "replaces",
        "program",
        "credential",
        "billing_role",
        "employer",
        "supervisor_staff_id",
        "method",
        "counterpart",
        "outcome",
        "zone",
        "timer_id",
        "claims_dropped_id",
        "needs_approval",
        "is_late",
    ),
    "void": ("practice_id", "entry_id", "voided_at", "voided_by", "void_reason"),
    "dropped": (
        "practice_id",
        "dropped_id",
        "timer_id",
        "staff_id",
        "patient_id",
        "from_at",
        "until_at",
        "idle_limit_s",
    ),
    "approval": (
        "practice_id",
        "approval_id",
        "patient_id",
        "entry_id",
        "amendment_id",
        "of_staff_id",
        "is_approved",
        "note",
        "decided_by",
        "decided_at",
    ),
    "amendment": (
        "practice_id",
        "amendment_id",
        "entry_id",
        "patient_id",
        "is_withdrawn",
        "program",
        "activity",
        "method",
        "counterpart",
        "outcome",
        "billing_role",
        "started_at",
        "ended_at",
        "note",
        "reason",
        "amended_by",
        "amended_at",
    ),
    "decision": (
        "practice_id",
        "decision_id",
        "entry_id",
        "patient_id",
        "rival_id",
        "rival_patient_id",
        "from_at",
        "until_at",
        "reason",
        "decided_by",
        "decided_at",
        "supersedes",
    ),
    "lock": (
        "practice_id",
        "lock_id",
        "month_on",
        "from_at",
        "until_at",
        "chain_position",
        "chain_sha256",
        "locked_by",
        "locked_at",
    ),
}
"""What a link of a kind is over. A column that is added later is hashed only by a version 2 of the form."""


class Place(StrEnum):
    """Where something does not fit."""

    LINK_MISSING = "link_missing"
    LINK_CHANGED = "link_changed"
    ROW_MISSING = "row_missing"
    ROW_CHANGED = "row_changed"
    ROW_WITHOUT_LINK = "row_without_link"
    REWRITTEN = "rewritten"  # a locked month knows another head
    CUT_OFF = "cut_off"  # a locked month knows a later head
    TOLD_AND_GONE = "told_and_gone"  # the audit trail tells of the row
    GUARD_OFF = "guard_off"


_SENTENCES: Final[Mapping[Place, str]] = {
    Place.LINK_MISSING: "A link is missing before this one.",
    Place.LINK_CHANGED: "The link does not hang on the one before.",
    Place.ROW_MISSING: "The row that the link is over is gone.",
    Place.ROW_CHANGED: "The row that the link is over was changed.",
    Place.ROW_WITHOUT_LINK: "There are rows that no link is over.",
    Place.REWRITTEN: "A locked month knows another link at this place: the chain was made anew.",
    Place.CUT_OFF: "A locked month knows a later link: the end of the chain is gone.",
    Place.TOLD_AND_GONE: "The audit trail tells of rows that are gone, with their links.",
    Place.GUARD_OFF: "A guard of the database against changes is off.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit; of each chain the first, for what comes behind proves nothing any more.

    Attributes:
        position: of the link; 0 where it is about none.
        kind: of the row, or the guard's name.
        subject_id: of the row; None where there is none.
    """

    place: Place
    practice_id: UUID | None
    position: int = 0
    kind: str = ""
    subject_id: UUID | None = None

    @property
    def sentence(self) -> str:
        """What it means, in words."""
        return _SENTENCES[self.place]


@dataclass(frozen=True, slots=True)
class Head:
    """The last link that was checked; position 0 and the genesis where there is none."""

    position: int
    chain_sha256: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of one chain found.

    Attributes:
        unseen: rows about patients whom the asker does not see: of them only the links were checked.
        from_position: the first link that was checked.
    """

    practice_id: UUID
    findings: tuple[Finding, ...]
    links: int
    unseen: int
    head: Head
    from_position: int = 1


def genesis(practice_id: UUID) -> bytes:
    """Return what the first link of a practice hangs on."""
    return hashlib.sha256(_GENESIS + str(practice_id).encode()).digest()


def content_sha256(kind: str, row: Mapping[str, Any]) -> bytes:
    """Return the hash of a row, given with its instants as texts; one of an unknown kind has an impossible one."""
    columns = {name: _plain(name, row.get(name)) for name in COLUMNS.get(kind, ())}
    return hashlib.sha256(_CONTENT + audit_chain.canonical_bytes(columns)).digest()


def chain_sha256(previous: bytes, link: Mapping[str, Any]) -> bytes:
    """Return the hash of a link that hangs on ``previous``."""
    return hashlib.sha256(
        _LINK
        + previous
        + audit_chain.canonical_bytes(
            {
                "practice_id": link["practice_id"],
                "position": link["position"],
                "kind": link["kind"],
                "subject_id": link["subject_id"],
                "content_sha256": bytes(link["content_sha256"]).hex(),
                "linked_at": _plain("linked_at", link["linked_at"]),
            }
        )
    ).digest()


def verify_all(connection: psycopg.Connection[Any]) -> Iterator[Verdict]:
    """Check the chains of all practices in one view of the database; of the role homevitals_sealer."""
    with connection.transaction(), connection.cursor() as cur:
        cur.execute(_Q.begin)
        for (practice_id,) in cur.execute(_Q.practices).fetchall():
            tenancy.enter(cur, tenancy.Scope((practice_id,)))
            yield verify(cur, practice_id, asks_trail=True)


def verify(
    cur: Cursor,
    practice_id: UUID,
    *,
    last: int | None = None,
    sees_all: bool = True,
    asks_trail: bool = False,
) -> Verdict:
    """Check the chain of a practice in the open transaction, with bounded memory.

    Args:
        cur: Of a role that reads the time log.
        practice_id: Whose.
        last: how many links from the end; None: all.
        sees_all: False where patients may be hidden from the asker: a row that cannot be found is then no finding.
        asks_trail: whether the audit trail is held against it, which reads all of the practice's trail.
    """
    start = _start(cur, practice_id, last)
    locked = _locked(cur, practice_id, asks_trail=asks_trail)
    walk = _Walk(practice_id, start, locked, sees_all=sees_all)
    with cur.connection.cursor("time_links", row_factory=dict_row) as links:
        links.itersize = _ROWS_AT_ONCE
        links.execute(_Q.links, {"practice_id": practice_id, "after_position": start.position})
        for row in links:
            walk.take(row)
    walk.end()
    gone = _told_and_gone(cur, practice_id) if asks_trail else ()
    return Verdict(
        practice_id=practice_id,
        findings=(*walk.findings, *_beside(cur, practice_id), *gone),
        links=walk.links,
        unseen=walk.unseen,
        head=walk.head,
        from_position=start.position + 1,
    )


class _Walk:
    """Walks along the links of one chain."""

    def __init__(
        self, practice_id: UUID, start: Head, locked: Mapping[int, set[str]], *, sees_all: bool
    ) -> None:
        self.findings: list[Finding] = []
        self.links = self.unseen = 0
        self.head = start
        self._practice_id = practice_id
        self._locked = locked
        self._sees_all = sees_all

    def take(self, row: Mapping[str, Any]) -> None:
        """Check one link and the row that it is over."""
        self.links += 1
        if self.findings:
            return
        place = self._place(row)
        if place is not None:
            self.findings.append(
                Finding(place, self._practice_id, row["position"], row["kind"], row["subject_id"])
            )
            return
        self.head = Head(row["position"], bytes(row["chain_sha256"]))
        if self._locked.get(self.head.position, set()) - {self.head.chain_sha256.hex()}:
            self._find_lock(Place.REWRITTEN)

    def end(self) -> None:
        """Look whether a lock knows a link behind the last one."""
        if not self.findings and max(self._locked, default=0) > self.head.position:
            self._find_lock(Place.CUT_OFF)

    def _find_lock(self, place: Place) -> None:
        self.findings.append(Finding(place, self._practice_id, self.head.position, "lock"))

    def _place(self, row: Mapping[str, Any]) -> Place | None:
        if row["position"] > self.head.position + 1:
            return Place.LINK_MISSING
        if chain_sha256(self.head.chain_sha256, row) != row["chain_sha256"]:
            return Place.LINK_CHANGED
        if row["content"] is None:
            self.unseen += 1
            return Place.ROW_MISSING if self._sees_all else None
        if content_sha256(row["kind"], row["content"]) != row["content_sha256"]:
            return Place.ROW_CHANGED
        return None


def _locked(cur: Cursor, practice_id: UUID, *, asks_trail: bool) -> Mapping[int, set[str]]:
    """Return what the chain's head was when months were locked, by position."""
    found: dict[int, set[str]] = {}
    for statement in (_Q.locked_heads, _Q.told_heads) if asks_trail else (_Q.locked_heads,):
        rows = cur.connection.execute(statement, {"practice_id": practice_id}).fetchall()
        for position, chain in rows:
            found.setdefault(position, set()).add(chain)
    return found


def _told_and_gone(cur: Cursor, practice_id: UUID) -> Iterator[Finding]:
    with cur.connection.cursor(row_factory=dict_row) as own:
        for row in own.execute(_Q.told_and_gone, {"practice_id": practice_id}).fetchall():
            yield Finding(
                Place.TOLD_AND_GONE, practice_id, kind=row["kind"], subject_id=row["subject_id"]
            )


def _start(cur: Cursor, practice_id: UUID, last: int | None) -> Head:
    with cur.connection.cursor(row_factory=dict_row) as own:
        head = own.execute(_Q.head, {"practice_id": practice_id}).fetchone()
        position = 0 if head is None or last is None else max(head["position"] - last, 0)
        if position == 0:
            return Head(0, genesis(practice_id))
        found = own.execute(
            _Q.link_at, {"practice_id": practice_id, "position": position}
        ).fetchone()
    return Head(position, b"" if found is None else bytes(found["chain_sha256"]))


def _beside(cur: Cursor, practice_id: UUID) -> Iterator[Finding]:
    """Yield what no link tells of: rows without one, missing guards."""
    with cur.connection.cursor(row_factory=dict_row) as own:
        for row in own.execute(_Q.unlinked, {"practice_id": practice_id}).fetchall():
            yield Finding(
                Place.ROW_WITHOUT_LINK,
                practice_id,
                kind=row["kind"],
                subject_id=row["subject_id"],
            )
        for row in own.execute(_Q.unguarded).fetchall():
            yield Finding(Place.GUARD_OFF, practice_id, kind=f"{row['table_name']}: {row['guard']}")


def _plain(name: str, found: Any) -> Any:
    """Return a column as its hash takes it; what somebody with all rights put there may be no instant at all."""
    if name.endswith("_at") and isinstance(found, str):
        try:
            return audit_chain.instant(datetime.fromisoformat(found))
        except ValueError:
            return found
    return found
