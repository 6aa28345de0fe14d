"""Checks the audit trail: recomputes every hash and holds the chains against the anchors.

Reads everything once, in the order of the chains, with bounded memory. Of each chain the first place of tampering is
named; what comes behind it in that chain proves nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from ingest import audit_chain, named_queries
from ingest.audit_anchor_reader import AnchoredHead, Anchors, Fault
from ingest.audit_chain import Link
from ingest.audit_findings import Finding, Place, Verdict

SEALED_WITHIN: Final = timedelta(minutes=5)
"""How long an event may wait for its link; the sealer needs a second."""

_ROWS_AT_ONCE: Final = 1000
_Q: Final = named_queries.load("ingest", "audit_verification")
_PLACES: Final = {
    Fault.BAD_SIGNATURE: Place.ANCHOR_SIGNATURE_WRONG,
    Fault.NOT_AN_ANCHOR: Place.ANCHOR_FILE_ALTERED,
    Fault.LINE_MISSING: Place.ANCHOR_LINE_CUT,
}

Row = Mapping[str, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take before their absence counts.

    Attributes:
        now: Aware UTC.
        sealed_within: From an event to its link.
        anchored_within: From a link to its anchor; None where that is not checked.
    """

    now: datetime
    sealed_within: timedelta = SEALED_WITHIN
    anchored_within: timedelta | None = None


def verify(
    connection: psycopg.Connection[Any],
    anchors: Anchors | None,
    limits: Limits,
    progress: Progress = lambda _done, _all: None,
) -> Verdict:
    """Check all chains.

    Args:
        connection: Of the role homevitals_sealer, in no transaction. The anchors have to be read before this call:
            one that is added meanwhile would be ahead of what the transaction sees.
        anchors: As read from the file; None checks internal consistency only.
        limits: What is too late.
        progress: Called with the links done and all links, every thousand.
    """
    walk = _Walk(anchors, limits)
    with connection.transaction():
        connection.execute(_Q.begin)
        connection.execute(_Q.prepare)
        for row in _links(connection, progress):
            walk.take(row)
        walk.end_chain()
        walk.find_gone_chains()
        findings = walk.findings + _beside_the_chains(connection, limits, walk.findings)
    if anchors is not None and anchors.fault is not None:
        findings.append(Finding(_PLACES[anchors.fault.fault], anchor_line=anchors.fault.line))
    return Verdict(
        findings=tuple(findings),
        chains=walk.chains,
        links=walk.links,
        anchors=None if anchors is None else anchors.count,
        last_anchor_at="" if anchors is None else anchors.last_at,
        is_anchor_file_torn=anchors is not None and anchors.is_torn,
    )


def _links(connection: psycopg.Connection[Any], progress: Progress) -> Iterator[Row]:
    size = connection.execute(_Q.size).fetchone()
    total = 0 if size is None else int(size[0])
    with connection.cursor("audit_links", row_factory=dict_row) as cur:
        cur.itersize = _ROWS_AT_ONCE
        cur.execute(_Q.links)
        for number, row in enumerate(cur, start=1):
            yield row
            if number % _ROWS_AT_ONCE == 0:
                progress(number, total)
    progress(total, total)


class _Walk:
    """Walks along the links of one chain after the other."""

    def __init__(self, anchors: Anchors | None, limits: Limits) -> None:
        self.findings: list[Finding] = []
        self.chains = self.links = 0
        self._anchors = anchors or Anchors()
        self._unanchored_before = (
            ""
            if anchors is None or limits.anchored_within is None
            else audit_chain.instant(limits.now - limits.anchored_within)
        )
        self._seen: set[UUID] = set()
        self._practice_id: UUID | None = None
        self._is_broken = False
        self._position = self._confirmed = 0
        self._previous = b""
        self._ahead: Iterator[AnchoredHead] = iter(())
        self._next: AnchoredHead | None = None

    def take(self, row: Row) -> None:
        """Check one link, its event and the anchors of its position."""
        self.links += 1
        if row["link_practice_id"] != self._practice_id:
            self.end_chain()
            self._begin_chain(row["link_practice_id"])
        if self._is_broken:
            return
        finding = self._check_link(row) or self._check_event(row)
        if finding is None:
            self._position += 1
            self._previous = bytes(row["chain_sha256"])
            finding = self._check_anchors() or self._check_is_anchored(row)
        if finding is not None:
            self.findings.append(finding)
            self._is_broken = True

    def end_chain(self) -> None:
        """See whether an anchor knows more of the chain than there is."""
        if self._practice_id is None or self._is_broken or self._next is None:
            return
        highest = self._next
        for highest in self._ahead:  # noqa: B007 - the last one counts
            pass
        self.findings.append(
            Finding(
                Place.TAIL_CUT,
                self._practice_id,
                self._position + 1,
                next_position=highest.position,
                anchor_line=highest.line,
            )
        )
        self._next = None

    def find_gone_chains(self) -> None:
        """Name the chains that were anchored and have no link at all."""
        for practice_id in sorted(self._anchors.practice_ids() - self._seen):
            highest = max(self._anchors.of(practice_id), key=lambda head: head.position)
            self.findings.append(
                Finding(
                    Place.CHAIN_GONE,
                    practice_id,
                    1,
                    next_position=highest.position,
                    anchor_line=highest.line,
                )
            )

    def _begin_chain(self, practice_id: UUID) -> None:
        self.chains += 1
        self._seen.add(practice_id)
        self._practice_id = practice_id
        self._is_broken = False
        self._position = self._confirmed = 0
        self._previous = audit_chain.genesis(practice_id)
        self._ahead = self._anchors.of(practice_id)
        self._next = next(self._ahead, None)

    def _check_link(self, row: Row) -> Finding | None:
        expected = self._position + 1
        if row["position"] > expected:
            return self._found(Place.LINK_MISSING, row, next_position=row["position"])
        link = Link(
            row["link_practice_id"],
            row["position"],
            row["link_event_id"],
            bytes(row["event_sha256"] or b""),
            row["sealed_at"],
        )
        continues = audit_chain.chain_sha256(self._previous, link) == row["chain_sha256"]
        if row["position"] == expected and continues:
            return None
        return self._found(Place.LINK_CHANGED, row)

    def _check_event(self, row: Row) -> Finding | None:
        if row["event_id"] is None:
            return self._found(Place.EVENT_MISSING, row)
        if audit_chain.event_sha256(audit_chain.stored_columns(row)) != row["event_sha256"]:
            return self._found(Place.EVENT_CHANGED, row)
        return None

    def _check_anchors(self) -> Finding | None:
        while self._next is not None and self._next.position == self._position:
            if self._next.chain_sha256 != self._previous:
                return Finding(
                    Place.REWRITTEN,
                    self._practice_id,
                    self._confirmed + 1,
                    next_position=self._position,
                    anchor_line=self._next.line,
                )
            self._confirmed = self._position
            self._next = next(self._ahead, None)
        return None

    def _check_is_anchored(self, row: Row) -> Finding | None:
        is_beyond_anchors = self._next is None and self._position > self._confirmed
        if is_beyond_anchors and row["sealed_at"] < self._unanchored_before:
            return Finding(Place.NOT_ANCHORED, self._practice_id, self._position)
        return None

    def _found(self, place: Place, row: Row, *, next_position: int | None = None) -> Finding:
        return Finding(
            place,
            self._practice_id,
            self._position + 1,
            event_id=None if place is Place.LINK_MISSING else row["link_event_id"],
            next_position=next_position,
        )


def _beside_the_chains(
    connection: psycopg.Connection[Any], limits: Limits, found: list[Finding]
) -> list[Finding]:
    """Return what no link tells of: unsealed events, vanished ones, missing guards."""
    broken = {finding.practice_id for finding in found}
    findings = []
    with connection.cursor(row_factory=dict_row) as cur:
        cur.execute(_Q.never_sealed, {"sealed_before": limits.now - limits.sealed_within})
        for row in cur.fetchall():
            place = Place.WAITS_TOO_LONG if row["is_waiting"] else Place.NEVER_SEALED
            # Behind a broken chain events without links follow from what was found there.
            if row["practice_id"] not in broken:
                findings.append(Finding(place, row["practice_id"], event_id=row["event_id"]))
        findings += [
            Finding(Place.GONE_BEFORE_SEALING, row["practice_id"], event_id=row["event_id"])
            for row in cur.execute(_Q.gone_before_sealing).fetchall()
        ]
        findings += [
            Finding(Place.GUARD_OFF, table=row["name"])
            for row in cur.execute(_Q.unguarded).fetchall()
        ]
    return findings
