"""What one evaluator is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from firmware_profiles.settings import setting


@dataclass(frozen=True, slots=True)
class AlertsSettings:
    """Settings of section ``alerts``."""

    database: str = setting(
        "dbname=homevitals user=homevitals_alerts",
        help="PostgreSQL connection string of the role homevitals_alerts",
    )
    late_after_hours: int = setting(
        72,
        unit="h",
        minimum=1,
        help="a breach measured longer ago than this is recorded as history and opens no task",
    )
    # PostgreSQL keeps 64 savepoints of a transaction in shared memory, and each patient in breach takes one or two.
    # With a hundred readings we saw a loaded database fall behind by seconds now and then, with fifty never.
    batch_size: int = setting(
        50, minimum=1, maximum=1000, help="readings evaluated in one transaction at most"
    )

    @property
    def late_after(self) -> timedelta:
        """How old a breach may be when it is evaluated and still open a task."""
        return timedelta(hours=self.late_after_hours)
