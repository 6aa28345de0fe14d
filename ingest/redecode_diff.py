"""What reading bytes again would change: counted field by field, with a few examples. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from firmware_profiles import kinds
from firmware_profiles.errors import FrameReason
from ingest.rows import StoredReading

# What a person would call another reading. Versions, ids and the instant of storing differ anyway.
FIELDS: Final = (
    *("kind", "result", *kinds.NUMBERS, "sequence_number", "qualifiers", "user_slot"),
    *("device_time", "measured_at", "time_quality", "patient_id"),
)
# Ids alone would tell nobody anything, and a person's id is nobody's business in a listing.
_NOT_SHOWN: Final = frozenset({"patient_id"})
_MOST_EXAMPLES: Final = 5
# A million ids help nobody; the count says how many there are.
_MOST_LISTED: Final = 1000


@dataclass(slots=True)
class FieldChange:
    """How one field changes.

    Attributes:
        count: Readings in which it does.
        smallest: New minus former, the lowest of all; times in seconds; None where no two numbers can be compared.
        largest: The highest.
    """

    count: int = 0
    smallest: float | None = None
    largest: float | None = None

    def add(self, former: Any, new: Any) -> None:
        """Count one more."""
        self.count += 1
        change = _change(former, new)
        if change is not None:
            self.smallest = change if self.smallest is None else min(self.smallest, change)
            self.largest = change if self.largest is None else max(self.largest, change)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A reading whose bytes the newer version does not read; it stays as it is."""

    reading_id: UUID
    reason: FrameReason


@dataclass(frozen=True, slots=True)
class Example:
    """One reading that changes, without whose it is: field → (former, new)."""

    reading_id: UUID
    changes: dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Diff:
    """What becomes of the readings of one practice.

    Attributes:
        read: Readings whose bytes were read again.
        unchanged: Those that mean the same; they keep their version.
        changed: Those that mean something else.
        replaced: Those that got a new version; 0 in a dry run.
        overtaken: Those that somebody else corrected at the same moment; another run looks at them again.
        undated: Those whose device time changes while their instant cannot follow: it came from a reception.
        unreadable_count: Those that the newer version cannot read.
        unreadable: The first thousand of them.
        fields: By name, for those that change anywhere.
        examples: A few of those that change.
        example_patient_ids: Whose the examples are, for the audit trail.
    """

    read: int = 0
    unchanged: int = 0
    changed: int = 0
    replaced: int = 0
    overtaken: int = 0
    undated: int = 0
    unreadable_count: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    fields: dict[str, FieldChange] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)
    example_patient_ids: set[UUID] = field(default_factory=set)

    def add(self, former: StoredReading, new: StoredReading) -> bool:
        """Count a reading that was read again; say whether it changes."""
        self.read += 1
        changes = differences(former, new)
        if not changes:
            self.unchanged += 1
            return False
        self.changed += 1
        self.undated += "device_time" in changes and "measured_at" not in changes
        for name, (before, after) in changes.items():
            self.fields.setdefault(name, FieldChange()).add(before, after)
        if len(self.examples) < _MOST_EXAMPLES:
            shown = {name: pair for name, pair in changes.items() if name not in _NOT_SHOWN}
            self.examples.append(Example(former.reading_id, shown))
            whose = (former.patient_id, new.patient_id)
            self.example_patient_ids |= {one for one in whose if one is not None}
        return True

    def add_unreadable(self, former: StoredReading, reason: FrameReason) -> None:
        """Count a reading that the newer version cannot read."""
        self.read += 1
        self.unreadable_count += 1
        if len(self.unreadable) < _MOST_LISTED:
            self.unreadable.append(Unreadable(former.reading_id, reason))

    def as_json(self) -> dict[str, Any]:
        """Return the diff for machines; times are ISO texts, changes of times seconds."""
        return {
            "read": self.read,
            "unchanged": self.unchanged,
            "changed": self.changed,
            "replaced": self.replaced,
            "overtaken": self.overtaken,
            "undated": self.undated,
            "unreadable_count": self.unreadable_count,
            "unreadable": [
                {"reading_id": str(one.reading_id), "reason": one.reason} for one in self.unreadable
            ],
            "fields": {
                name: {"count": found.count, "smallest": found.smallest, "largest": found.largest}
                for name, found in self._in_order()
            },
            "examples": [
                {
                    "reading_id": str(one.reading_id),
                    "changes": {
                        name: {"from": _plain(before), "to": _plain(after)}
                        for name, (before, after) in one.changes.items()
                    },
                }
                for one in self.examples
            ],
        }

    def words(self) -> Iterator[str]:
        """Yield the diff as lines of a page."""
        yield f"read again     {self.read:>12,}"
        yield f"  unchanged    {self.unchanged:>12,}"
        yield f"  changed      {self.changed:>12,}"
        yield f"  unreadable   {self.unreadable_count:>12,}  left as they are"
        if self.undated:
            yield f"device time changed, instant of measurement kept, for it came from a reception: {self.undated:,}"
        if self.overtaken:
            yield f"corrected by somebody else meanwhile, run again: {self.overtaken:,}"
        if self.fields:
            yield ""
            yield f"{'field':20} {'how many':>12} {'smallest change':>18} {'largest change':>18}"
        for name, found in self._in_order():
            unit = " s" if name in {"device_time", "measured_at"} else ""
            yield (
                f"{name:20} {found.count:>12,} {_number(found.smallest, unit):>18}"
                f" {_number(found.largest, unit):>18}"
            )
        for one in self.examples:
            changes = ", ".join(
                f"{name} {_plain(before)} → {_plain(after)}"
                for name, (before, after) in one.changes.items()
            )
            yield f"for example {one.reading_id}: {changes or 'another patient'}"
        for refused in self.unreadable:
            yield f"unreadable {refused.reading_id}: {refused.reason}"
        if self.unreadable_count > len(self.unreadable):
            yield f"and {self.unreadable_count - len(self.unreadable):,} more"

    def _in_order(self) -> Iterator[tuple[str, FieldChange]]:
        return ((name, self.fields[name]) for name in FIELDS if name in self.fields)


def differences(former: StoredReading, new: StoredReading) -> dict[str, tuple[Any, Any]]:
    """Return field → (former, new) where two versions mean different things."""
    pairs = {name: (getattr(former, name), getattr(new, name)) for name in FIELDS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _change(former: Any, new: Any) -> float | None:
    if isinstance(former, datetime) and isinstance(new, datetime):
        return (new - former).total_seconds()
    if isinstance(former, int | float) and isinstance(new, int | float):
        return float(new - former)
    return None


def _plain(content: Any) -> Any:
    if isinstance(content, datetime):
        return content.isoformat()
    if isinstance(content, tuple):
        return " ".join(content)
    return content


def _number(change: float | None, unit: str) -> str:
    return "–" if change is None else f"{change:+g}{unit}"
