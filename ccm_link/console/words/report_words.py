"""A program's report in words: each number with what it rests on, and nothing where nothing is known. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ccm_link.billing.words import duration
from ccm_link.console.words import wording
from ccm_link.console.words.month_words import dollars
from ccm_link.evidence.program_report import Compared, Group, Standing

__all__ = ["duration", "lines", "standing", "table"]

NOT_KNOWN: Final = "not known"


def lines(group: Group) -> Iterator[tuple[str, str]]:
    """Yield each number of a group: what it is, and what it says."""
    yield "Patients in care", f"{group.patients}, {group.days:,.0f} days"
    yield "Spoken with", _of(group.engaged, group.patients)
    yield (
        "Days with a reading that the device sent",
        _of(group.days_measured, round(group.days)),
    )
    yield "Measure on 16 days of 30 or more", _of(group.kept_up, group.patients)
    yield "Blood pressure below 130/80, first 30 days and last", _compared(group.pressure)
    yield "Change of the systolic mean", _change(group.systolic_change_mmhg)
    yield "Glucose readings within 70 to 180 mg/dL, first and last", _compared(group.glucose)
    yield "Alert tasks", _tasks(group)
    yield (
        "Seen after, done after (medians)",
        f"{_span(group.seen_after_s)}, {_span(group.done_after_s)}",
    )
    yield "Time that counts", duration(group.worked_s)
    yield "Claimed, by the site’s fees", _projected(group)
    yield "Paid", dollars(group.paid_cents)


def table(groups: Sequence[Group]) -> list[tuple[str, list[str]]]:
    """Return the same with a column for each group: what the number is, and what it says of each."""
    columns = [list(lines(group)) for group in groups]
    return [(row[0][0], [said for _, said in row]) for row in zip(*columns, strict=True)]


def standing(one: Standing) -> str:
    """Say where enrolments stand."""
    why = f", {one.close_reason.replace('_', ' ')}" if one.close_reason else ""
    return f"{one.state}{why}"


def _of(count: int, whole: int) -> str:
    return f"{count} of {whole} ({100 * count / whole:.0f} %)" if whole else NOT_KNOWN


def _compared(found: Compared) -> str:
    if found.first_percent is None or found.last_percent is None:
        return NOT_KNOWN
    return (
        f"{found.first_percent:.0f} % and {found.last_percent:.0f} %, of"
        f" {wording.count(found.patients, 'patient')} with enough readings in both"
    )


def _change(mmhg: float | None) -> str:
    return NOT_KNOWN if mmhg is None else f"{mmhg:+.1f} mmHg"


def _tasks(group: Group) -> str:
    per_100 = group.tasks_per_100_patient_days
    return (
        str(group.tasks)
        if per_100 is None
        else f"{group.tasks}, {per_100:.1f} for 100 patient-days"
    )


def _span(seconds: float | None) -> str:
    return NOT_KNOWN if seconds is None else wording.span(seconds)


def _projected(group: Group) -> str:
    if group.projected_cents is None:
        return "the site has no table of fees"
    without = f"; no fee for {', '.join(group.unpriced)}" if group.unpriced else ""
    return f"{dollars(group.projected_cents)}{without}"
