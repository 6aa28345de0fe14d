"""What the console is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from firmware_profiles.settings import setting


@dataclass(frozen=True, slots=True)
class CcmLinkSettings:
    """Settings of section ``ccm_link``."""

    database: str = setting(
        "dbname=homevitals user=homevitals_console",
        help="PostgreSQL connection string of the role homevitals_console",
    )
    host: str = setting("127.0.0.1", help="address that the console listens on")
    port: int = setting(8080, minimum=0, maximum=65535, help="port that the console listens on")
    public_url: str = setting(
        "",
        help="address under which browsers reach the console, for example "
        "https://vitals.example.org, where a proxy with TLS stands before it; empty serves this "
        "machine alone, over http",
    )
    timer_limit_minutes: int = setting(
        120,
        unit="min",
        minimum=1,
        maximum=480,
        help="a timer that has run longer asks when the work really ended before it is stored",
    )

    @property
    def timer_limit(self) -> timedelta:
        """How long a timer may run before its end has to be said."""
        return timedelta(minutes=self.timer_limit_minutes)
