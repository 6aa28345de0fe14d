"""Codes of peripherals that were noted when the gateway was prepared, so that nobody has to type them in the home.

A TOML file, for its owner alone: one line for each peripheral, ``"AA:BB:CC:DD:EE:FF" = "123456"``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway import errors
from gateway.settings import NOT_SET

_MOST_BYTES: Final = 16 * 1024
_ADDRESS: Final = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_PASSKEY: Final = re.compile(r"[0-9]{6}")


def read(path: Path) -> Mapping[str, str]:
    """Return the codes by Bluetooth address; none if no file is named.

    Raises:
        ConfigurationError: others may read the file, or it is not of this form. No code stands in the text.
    """
    if path == NOT_SET:
        return {}
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise errors.ConfigurationError(
            f"[gateway] passkeys_file: {path} cannot be read: {error.strerror}"
        ) from error
    if mode & 0o077:
        raise errors.ConfigurationError(
            f"[gateway] passkeys_file: others may read {path}: run “chmod 600 {path}”"
        )
    if len(content) > _MOST_BYTES:
        raise _not_toml(path)
    return _parsed(path, content)


def _parsed(path: Path, content: bytes) -> Mapping[str, str]:
    try:
        found = tomllib.loads(content.decode("utf-8"))
    except ValueError as error:  # of which both faults of decoding are a kind
        raise _not_toml(path) from error
    for number, (address, passkey) in enumerate(found.items(), start=1):
        if not (
            _ADDRESS.fullmatch(address) and isinstance(passkey, str) and _PASSKEY.fullmatch(passkey)
        ):
            raise errors.ConfigurationError(
                f"[gateway] passkeys_file: entry {number} of {path} is not like"
                ' “"AA:BB:CC:DD:EE:FF" = "123456"”'
            )
    return found


def _not_toml(path: Path) -> errors.ConfigurationError:
    return errors.ConfigurationError(
        f"[gateway] passkeys_file: {path} is no TOML of at most {_MOST_BYTES // 1024} KiB"
    )
