"""What stands in an EHR's own file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from firmware_profiles.settings import REQUIRED, setting

NOT_SET: Final = Path()


class SignIn(StrEnum):
    """How we prove to an EHR who we are."""

    BEARER = "bearer"  # a token that never changes
    CLIENT_SECRET = "client_secret"  # noqa: S105 - a word; OAuth 2.0 client credentials
    PRIVATE_KEY = "private_key"  # the same, with an assertion that we sign: SMART Backend Services


class Algorithm(StrEnum):
    """How an assertion is signed. Source: SMART App Launch 2.2.0, client authentication: both have to be supported."""

    RS384 = "RS384"
    ES384 = "ES384"


@dataclass(frozen=True, slots=True)
class Connection:
    """One EHR: table ``[ehr]`` of its own file."""

    base_url: str = setting(REQUIRED, help="address of its FHIR R4 interface, https")
    sign_in: SignIn = setting(REQUIRED, help="how we say who we are")
    secret_file: Path = setting(
        REQUIRED,
        help="file with the token, the client's secret, or the private key (PEM)",
        secret_file=True,
    )
    client_id: str = setting("", help="who we are there, for a client's secret or a private key")
    token_url: str = setting("", help="address that gives tokens, https")
    scope: str = setting("system/*.read system/*.write", help="what is asked for with a token")
    key_id: str = setting("", help="name of the private key, as the EHR knows the public one")
    algorithm: Algorithm = setting(Algorithm.ES384, help="how assertions are signed")
    ca_file: Path = setting(
        NOT_SET,
        help="certificates (PEM) of the authorities that may have signed the EHR's; not set: the system's",
    )
    identifier_system: str = setting(
        "",
        help="system of the identifier by which patients are looked for; empty: they are matched by hand alone",
    )
    practices: tuple[str, ...] = setting(
        (), help="short names of the practices whose EHR it is; empty: of all that are here"
    )
    knows_record_numbers: bool = setting(
        False, help="whether our record numbers are identifiers of that system"
    )
    timeout_s: float = setting(
        15.0, unit="s", minimum=1.0, maximum=30.0, help="longest wait for each step of an answer"
    )
    per_second: float = setting(
        10.0, unit="1/s", minimum=0.1, maximum=100.0, help="how many resources are sent at most"
    )

    def faults(self) -> list[str]:
        """Return what does not fit together; each begins with the setting's name."""
        if self.sign_in is SignIn.BEARER:
            return []
        found = [
            f"{name} is not set; an EHR that gives tokens needs it"
            for name in ("client_id", "token_url")
            if not getattr(self, name)
        ]
        if self.sign_in is SignIn.PRIVATE_KEY and not self.key_id:
            found.append("key_id is not set; the EHR finds our public key by it")
        return found
