"""The EHRs that the operator has set up: a file for each, whose name is the EHR's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from alerts.channels import addresses
from ccm_link.care_record.settings import NOT_SET, Connection
from firmware_profiles import secret_file, settings_file
from firmware_profiles import settings as declaration
from firmware_profiles.errors import SettingsError

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")


def read(folder: Path) -> Mapping[str, Connection]:
    """Return the connections of a folder by name; ``Path()`` has none.

    Raises:
        SettingsError: with every mistake of every file.
    """
    if folder == NOT_SET:
        return {}
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        raise SettingsError([f"{folder} cannot be read ({type(error).__name__})"]) from error
    found: dict[str, Connection] = {}
    problems: list[str] = []
    for path in files:
        try:
            found[path.stem] = _read(path)
        except SettingsError as error:
            problems += [
                problem if str(path) in problem else f"{path}: {problem}"
                for problem in error.problems
            ]
    if problems:
        raise SettingsError(problems)
    return found


def _read(path: Path) -> Connection:
    if not _NAME.fullmatch(path.stem):
        raise SettingsError(
            ["a file's name is small letters, digits and dashes, and begins with a letter"]
        )
    text = settings_file.read(path)
    found: Connection = declaration.load_text(text, {"ehr": Connection}, {})["ehr"].settings
    problems = found.faults()
    for name in ("base_url", "token_url"):
        address = getattr(found, name)
        if address and not addresses.is_web(address):
            problems.append(f"{name} is no https address")
    problems += [
        f"secret_file: {found.secret_file} {fault}"
        for fault in secret_file.faults(found.secret_file)
    ]
    if problems:
        raise SettingsError(problems)
    return found
