"""What a check of the audit trail found: the places of tampering, for programs and in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID


class Place(StrEnum):
    """What sort of place it is."""

    EVENT_CHANGED = "event_changed"
    EVENT_MISSING = "event_missing"
    LINK_MISSING = "link_missing"
    LINK_CHANGED = "link_changed"
    NEVER_SEALED = "never_sealed"
    WAITS_TOO_LONG = "waits_too_long"
    GONE_BEFORE_SEALING = "gone_before_sealing"
    REWRITTEN = "rewritten"
    TAIL_CUT = "tail_cut"
    CHAIN_GONE = "chain_gone"
    NOT_ANCHORED = "not_anchored"
    ANCHOR_SIGNATURE_WRONG = "anchor_signature_wrong"
    ANCHOR_FILE_ALTERED = "anchor_file_altered"
    ANCHOR_LINE_CUT = "anchor_line_cut"
    GUARD_OFF = "guard_off"


_WORDS: Final = {
    Place.EVENT_CHANGED: "practice {practice_id}, position {position}: event {event_id} is not what was sealed",
    Place.EVENT_MISSING: "practice {practice_id}, position {position}: event {event_id} is gone",
    Place.LINK_MISSING: "practice {practice_id}, position {position}: the link is gone; the next one there is "
    "{next_position}",
    Place.LINK_CHANGED: "practice {practice_id}, position {position}: the link does not continue the one before; it or "
    "the order of links, was changed",
    Place.NEVER_SEALED: "practice {practice_id}: event {event_id} is in no link and in no queue; its link was removed, "
    "or it was put in beside the product",
    Place.WAITS_TOO_LONG: "practice {practice_id}: event {event_id} waits for the sealer since too long; is "
    "“homevitals audit seal” running?",
    Place.GONE_BEFORE_SEALING: "practice {practice_id}: event {event_id} went before it was sealed",
    Place.REWRITTEN: "practice {practice_id}, from position {position} on: the chain is not the one that line "
    "{anchor_line} of the anchors signed at position {next_position}; it was written anew",
    Place.TAIL_CUT: "practice {practice_id}, from position {position} on: the chain was cut; line {anchor_line} of the "
    "anchors signed it up to position {next_position}",
    Place.CHAIN_GONE: "practice {practice_id}: the whole chain is gone; line {anchor_line} of the anchors signed "
    "{next_position} links",
    Place.NOT_ANCHORED: "practice {practice_id}, from position {position} on: no anchor although there was time for "
    "one; the end of the anchor file was cut, or the sealer could not write it",
    Place.ANCHOR_SIGNATURE_WRONG: "anchor file, line {anchor_line}: changed, or signed by another key",
    Place.ANCHOR_FILE_ALTERED: "anchor file, line {anchor_line}: no anchor, nor a torn line that the next one tells of",
    Place.ANCHOR_LINE_CUT: "anchor file, line {anchor_line}: the line before it was cut out or replaced",
    Place.GUARD_OFF: "table {table}: the trigger that refuses changes is off or gone",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One place of tampering.

    Attributes:
        place: What sort of place.
        practice_id: Whose chain.
        position: The first position in doubt; those before are whole.
        event_id: The event.
        next_position: Of a gap the next position that is there; of an anchor the position that it signed.
        anchor_line: Line of the anchor file, from 1.
        table: The table.
    """

    place: Place
    practice_id: UUID | None = None
    position: int | None = None
    event_id: UUID | None = None
    next_position: int | None = None
    anchor_line: int | None = None
    table: str = ""

    def words(self) -> str:
        """Return the finding as a sentence for the person who has to act."""
        return _WORDS[self.place].format_map(self._fields())

    def as_json(self) -> dict[str, Any]:
        """Return the finding for a program: only the fields that apply."""
        return {"place": self.place.value} | {
            name: str(entry) if isinstance(entry, UUID) else entry
            for name, entry in self._fields().items()
            if entry not in {None, ""}
        }

    def _fields(self) -> dict[str, Any]:
        return {
            "practice_id": self.practice_id,
            "position": self.position,
            "event_id": self.event_id,
            "next_position": self.next_position,
            "anchor_line": self.anchor_line,
            "table": self.table,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was checked and what was found: of each chain the first place, then the rest.

    Attributes:
        findings: Empty where all is whole.
        chains: How many chains were read.
        links: How many links were read.
        anchors: How many anchors they were held against; None where none were given.
        last_anchor_at: When the last one was signed; "" without any.
        is_anchor_file_torn: Whether it ends in half a line, as after a crash.
    """

    findings: tuple[Finding, ...]
    chains: int
    links: int
    anchors: int | None
    last_anchor_at: str = ""
    is_anchor_file_torn: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def words(self) -> list[str]:
        """Return the verdict as lines for a person."""
        lines = [f"checked {self.links} links of {self.chains} chains"]
        if not self.anchors:
            lines.append(
                "there was no anchor: only internal consistency was checked; a chain written anew from its beginning, "
                "or cut at its end, would not be seen"
            )
        else:
            lines.append(f"held against {self.anchors} anchors, the last of {self.last_anchor_at}")
        if self.is_anchor_file_torn:
            lines.append("the anchor file ends in half a line, as after a crash or a cut")
        lines += [finding.words() for finding in self.findings]
        lines.append("the trail is whole" if self.is_whole else "THE TRAIL IS NOT WHOLE")
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for a program."""
        return {
            "whole": self.is_whole,
            "chains": self.chains,
            "links": self.links,
            "anchors": self.anchors,
            "last_anchor_at": self.last_anchor_at,
            "anchor_file_torn": self.is_anchor_file_torn,
            "findings": [finding.as_json() for finding in self.findings],
        }
