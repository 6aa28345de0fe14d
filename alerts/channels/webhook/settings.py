"""What the webhook channel is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware_profiles.settings import setting

NOT_SET: Final = Path()


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Settings of section ``webhook``."""

    hosts: tuple[str, ...] = setting(
        (),
        help="names of the hosts to which practices may have messages posted; empty: nobody is called by webhook",
    )
    signing_keys_file: Path = setting(
        NOT_SET,
        secret_file=True,
        help="keys from which each receiver's secret is made, one a line, each 32 random bytes in base64; all sign, so "
        "a new one goes to the top and the former one goes when all receivers know the new secret",
    )
    ca_file: Path = setting(
        NOT_SET,
        help="certificates (PEM) of the authorities that may have signed the receivers'; not set: the system's",
    )
    timeout_s: float = setting(
        10.0,
        unit="s",
        minimum=1.0,
        maximum=20.0,
        help="longest wait for each step of a receiver's answer",
    )

    @property
    def is_on(self) -> bool:
        """Whether anybody can be called over it."""
        return bool(self.hosts)

    def faults(self) -> list[str]:
        """Return what does not fit together; each begins with the setting's name."""
        if self.is_on and self.signing_keys_file == NOT_SET:
            return ["signing_keys_file is not set; draw a key, or empty hosts"]
        return []
