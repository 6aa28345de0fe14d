"""What came of a trial of rules, as text, as a table and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from alerts.backtest import Backtest, Burden
from firmware_profiles import kinds

COLUMNS = ("episodes", "per 100 patient-days", "patients", "came back", "readings in breach")


def as_json(found: Sequence[Backtest]) -> list[dict[str, Any]]:
    """Return everything, for machines."""
    return [asdict(one) for one in found]


def heading(found: Backtest) -> str:
    """Say what was asked."""
    title = kinds.OF[found.kind].title
    patients = "1 patient" if found.patients == 1 else f"{found.patients:,} patients"
    return (
        f"{title}: {found.readings:,} readings of {patients} on {found.patient_days:,} patient-days"
    )


def rows(found: Backtest) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table: name, then `COLUMNS`."""
    yield ("all rules", *_cells(found.total))
    for severity, burden in found.by_severity.items():
        yield (f"  {severity}", *_cells(burden))
    for family, burden in found.by_family.items():
        yield (family, *_cells(burden))


def compared(found: Backtest) -> str:
    """Say what would be new and what would be gone; empty if nothing was compared."""
    if found.compared is None:
        return ""
    return (
        f"Against the rules in force, which come to {found.compared.total.episodes:,} episodes: {found.only_here:,}"
        f" would be new, {found.only_there:,} would be gone (nothing about the same patient within three days)."
    )


def most(found: Backtest) -> str:
    """Say how much of it is about few patients; empty if there is nothing to say it of."""
    few = len(found.most_of_a_patient)
    if few < 2 or found.total.patients <= few:
        return ""
    theirs = sum(found.most_of_a_patient)
    return (
        f"The {few} patients with most have {theirs:,} of the {found.total.episodes:,} episodes"
        f" ({theirs / found.total.episodes:.0%}); one alone has {found.most_of_a_patient[0]:,}."
    )


def sensitivity(found: Backtest) -> Iterator[str]:
    """Yield a line for each rule with a limit: how many episodes begin if it is moved."""
    for one in found.sensitivity:
        moved = ", ".join(
            f"{limit:g}: {count:,}" for limit, count in zip(one.limits, one.episodes, strict=True)
        )
        yield f"{one.rule}, {one.unit}: {moved}"


def _cells(burden: Burden) -> tuple[str, ...]:
    return (
        f"{burden.episodes:,}",
        f"{burden.per_100_patient_days:.2f}",
        f"{burden.patients:,}",
        f"{burden.returns:,}",
        f"{burden.breaches:,}",
    )
