"""What changed from one version of a care plan to another: line by line, in words and marks. Pure.

A line that stands elsewhere in its section counts as taken out and put in. Nothing is left out: from what was kept and
taken out the older version can be put together again, and from what was kept and put in the newer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from ccm_link.plan import plan_document
from ccm_link.plan.plan_document import PlanDocument


class Mark(StrEnum):
    """What became of a line."""

    KEPT = "kept"
    TAKEN_OUT = "taken_out"
    PUT_IN = "put_in"

    @property
    def sign(self) -> str:
        """The mark before the line."""
        return {Mark.KEPT: " ", Mark.TAKEN_OUT: "−", Mark.PUT_IN: "+"}[self]

    @property
    def words(self) -> str:
        """The mark in words."""
        return {Mark.KEPT: "unchanged", Mark.TAKEN_OUT: "taken out", Mark.PUT_IN: "put in"}[self]


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and what became of it."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A section of both versions."""

    heading: str
    lines: tuple[Line, ...]

    @property
    def is_changed(self) -> bool:
        """Tell whether anything became different."""
        return any(line.mark is not Mark.KEPT for line in self.lines)

    @property
    def sentence(self) -> str:
        """Return how much: "2 lines put in, 1 taken out"."""
        put_in = sum(line.mark is Mark.PUT_IN for line in self.lines)
        taken_out = sum(line.mark is Mark.TAKEN_OUT for line in self.lines)
        parts = []
        if put_in:
            parts.append(f"{put_in} {'line' if put_in == 1 else 'lines'} put in")
        if taken_out:
            noun = "" if put_in else " line" if taken_out == 1 else " lines"
            parts.append(f"{taken_out}{noun} taken out")
        return ", ".join(parts) or "unchanged"


def diff(older: PlanDocument, newer: PlanDocument) -> tuple[Change, ...]:
    """Return what became of every section that either version has, in the order of a plan.

    Example:
        >>> from ccm_link.plan.plan_document import Section
        >>> was = PlanDocument(sections={Section.PROBLEMS: ("Hypertension", "Falls")})
        >>> now = PlanDocument(sections={Section.PROBLEMS: ("Hypertension", "Type 2 diabetes")})
        >>> change = diff(was, now)[0]
        >>> change.heading, change.sentence
        ('Problems', '1 line put in, 1 taken out')
        >>> [f"{line.mark.sign}{line.text}" for line in change.lines]
        [' Hypertension', '−Falls', '+Type 2 diabetes']
    """
    before, after = plan_document.texts(older), plan_document.texts(newer)
    return tuple(
        Change(heading, tuple(_lines(before[heading], after[heading])))
        for heading in before
        if before[heading] or after[heading]
    )


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for _, from_before, until_before, from_after, until_after in matcher.get_opcodes():
        is_kept = before[from_before:until_before] == after[from_after:until_after]
        if is_kept:
            yield from (Line(Mark.KEPT, text) for text in before[from_before:until_before])
            continue
        yield from (Line(Mark.TAKEN_OUT, text) for text in before[from_before:until_before])
        yield from (Line(Mark.PUT_IN, text) for text in after[from_after:until_after])
