"""What one notifier is told; each channel has a section of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from firmware_profiles.settings import setting

_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Settings of section ``notify``."""

    database: str = setting(
        "dbname=homevitals user=homevitals_notifier",
        help="PostgreSQL connection string of the role homevitals_notifier",
    )
    console_url: str = setting(
        "http://127.0.0.1:8080",
        help="address of the console as people reach it, to which messages lead",
    )

    def faults(self) -> list[str]:
        """Return what does not fit together; each begins with the setting's name."""
        return console_url_faults(self.console_url)


def console_url_faults(console_url: str) -> list[str]:
    """Return why people should not be led to an address of the console; each begins with the setting's name."""
    try:
        parts = urlsplit(console_url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.query or parts.fragment or parts.username is not None:
        return ["console_url is no address of a console; write https:// and its host name"]
    if parts.scheme == "https" or (parts.scheme == "http" and host in _THIS_MACHINE):
        return []
    return ["console_url is not https; people would sign in over a network in the clear"]
