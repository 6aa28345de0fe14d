"""Which BlueZ is installed. The daemon does not say it over D-Bus; its command line does."""

from __future__ import annotations

import re
import subprocess
from typing import Final

_ANSWER_S: Final = 5.0


def installed() -> str | None:
    """Return the version of the BlueZ that is installed; None if there is none, or it does not say."""
    try:
        said = subprocess.run(
            ["bluetoothctl", "--version"],  # noqa: S607 - wherever the system has it
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else None
