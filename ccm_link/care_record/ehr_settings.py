"""What the sender to other systems is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alerts.notify_settings import console_url_faults
from ccm_link.care_record import connections
from ccm_link.care_record.settings import NOT_SET
from firmware_profiles.errors import SettingsError
from firmware_profiles.settings import setting


@dataclass(frozen=True, slots=True)
class EhrSettings:
    """Settings of section ``ehr``."""

    database: str = setting(
        "dbname=homevitals user=homevitals_link",
        help="PostgreSQL connection string of the role homevitals_link",
    )
    folder: Path = setting(
        NOT_SET,
        help="folder with a file (*.toml) for each EHR that practices may be connected with; not set: there is none. "
        "docs/ehr-link.md says what stands in such a file",
    )
    console_url: str = setting(
        "http://127.0.0.1:8080",
        help="address of the console as people reach it, to which webhooks lead",
    )
    keep_sent_days: float = setting(
        30.0,
        unit="days",
        minimum=1.0,
        help="how long it is kept that and when something was sent",
    )

    def faults(self) -> list[str]:
        """Return what does not fit together, in the EHRs' own files too; each begins with a setting's name."""
        found = console_url_faults(self.console_url)
        try:
            connections.read(self.folder)
        except SettingsError as error:
            found += [f"folder: {problem}" for problem in error.problems]
        return found
