"""What the e-mail channel is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from alerts.channels import addresses
from firmware_profiles.settings import setting

NOT_SET: Final = Path()
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Security(StrEnum):
    """How the way to the mail server is kept from others."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """Settings of section ``email``."""

    host: str = setting("", help="name of the mail server; empty: nobody is called by e-mail")
    port: int = setting(
        587, minimum=1, maximum=65535, help="its port: 587 for starttls, 465 for tls"
    )
    security: Security = setting(
        Security.STARTTLS,
        help="starttls, or tls from the first byte; none for a mail server on this machine alone",
    )
    ca_file: Path = setting(
        NOT_SET,
        help="certificates (PEM) of the authorities that may have signed the mail server's; not set: the system's",
    )
    user: str = setting("", help="name to sign in there with; empty: none is needed")
    password_file: Path = setting(NOT_SET, secret_file=True, help="file with the password of user")
    sender: str = setting(
        "", help="address that messages come from, for example alerts@example.org"
    )
    timeout_s: float = setting(
        10.0,
        unit="s",
        minimum=1.0,
        maximum=10.0,
        help="longest wait for each of the server's answers",
    )

    @property
    def is_on(self) -> bool:
        """Whether anybody can be called over it."""
        return bool(self.host)

    def faults(self) -> list[str]:
        """Return what does not fit together; each begins with the setting's name."""
        if not self.is_on:
            return []
        found = []
        if not addresses.is_email(self.sender):
            found.append("sender is no e-mail address; write the one that messages come from")
        if self.security is Security.NONE and self.host not in _THIS_MACHINE:
            found.append("security is none and host another machine; use starttls or tls")
        if bool(self.user) != (self.password_file != NOT_SET):
            found.append("user and password_file belong together; set both or none")
        return found
