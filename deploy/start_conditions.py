"""What has to hold before a server process starts: encrypted ways, keys that nobody else reads, certificates that fit.

Encryption is no option that could be left off: there is no setting for it, and a process that would send health data
or passwords over an open way, or whose key lies open, ends here with every fault in one list.

The settings' declarations say what there is to look at (connection strings, secret files, certificates), so a new
section is looked at like the others. The files of the machine are read here and nowhere else in the checks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from deploy import certificate_files, configuration, database_transport, errors
from deploy.configuration import Configuration
from deploy.settings import SECTIONS
from firmware_profiles import errors as leaf_errors
from firmware_profiles import secret_file
from firmware_profiles import settings as declaration

# Every command that goes on running → the sections of the settings that it uses.
LONG_RUNNING: Final[Mapping[str, tuple[str, ...]]] = {
    "ingest": ("ingest",),
    "evaluate": ("alerts",),
    "notify run": ("notify", "email", "sms", "webhook"),
    "ehr run": ("ehr", "webhook"),
    "schedule": ("scheduler",),
    "console": ("ccm_link",),
    "guard": ("guard",),
    "signer": ("signer",),
    "audit seal": ("audit",),
}
# Commands that carry what is known of many patients → the sections of whose settings they use the databases alone.
CARRYING: Final[Mapping[str, tuple[str, ...]]] = {
    "schedule": ("ccm_link",),
    "ingest import": ("ingest", "ccm_link"),
    "ingest export": ("ccm_link",),
    "claims export": ("ccm_link",),
    "patients import": ("ccm_link",),
}
# A process makes these when it first starts; what else is missing is a fault.
_MADE_AT_FIRST_START: Final = frozenset({"secrets_key_file", "signing_key_file"})
_NOT_SET: Final = Path()
# What the certificate of a section has to be called, where its settings do not say it.
_NAME_PATTERNS: Final = {"guard": "guard-[0-9]{1,3}"}

# Names below which systemd hands out credentials; who may read them is its business.
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"


def require(command: str, settings_file: Path | None) -> None:
    """Refuse to start a long-running command, or one that carries readings over an open way.

    Raises:
        ConfigurationError: the settings cannot be read, or a condition does not hold; one line for each fault.
    """
    if command not in LONG_RUNNING and command not in CARRYING:
        return
    loaded = configuration.load(settings_file)
    found = [
        fault
        for section in LONG_RUNNING.get(command, ())
        for fault in faults(section, loaded, os.environ, datetime.now(UTC), settings_file)
    ]
    found += [
        f"[{section}] {fault}"
        for section in CARRYING.get(command, ())
        if section in loaded.loaded
        for fault in _databases(section, loaded, os.environ, settings_file)
    ]
    if found:
        lines = "\n".join(f"  - {fault}" for fault in found)
        raise errors.ConfigurationError(
            f"{command} does not start under these conditions:\n{lines}\n"
            "“homevitals doctor” looks at all of them again"
        )


def faults(
    section: str,
    loaded: Configuration,
    environ: Mapping[str, str],
    at: datetime,
    settings_file: Path | None = None,
) -> list[str]:
    """Return which conditions a section of the settings does not meet; each begins with the setting's name.

    Args:
        section: Name of the section.
        loaded: All settings.
        environ: The process's environment.
        at: Now, aware.
        settings_file: Where they were read from, where they were.
    """
    if section not in loaded.loaded:
        return []
    settings = loaded.loaded[section].settings
    return [
        f"[{section}] {fault}"
        for fault in (
            *_databases(section, loaded, environ, settings_file),
            *_secrets(section, loaded, environ),
            *certificates(section, settings, at),
            *_console(settings),
            *(settings.faults() if hasattr(settings, "faults") else ()),
        )
    ]


def _databases(
    section: str, loaded: Configuration, environ: Mapping[str, str], settings_file: Path | None
) -> Iterator[str]:
    found = loaded.loaded[section]
    for name in database_names(section):
        connection_string = getattr(found.settings, name)
        for fault in database_transport.faults(connection_string, environ):
            yield f"{name} {fault}"
        is_in_file = settings_file is not None and found.origins[name] == "file"
        if (
            is_in_file
            and database_transport.holds_a_password(connection_string)
            and settings_file is not None
            and settings_file.stat().st_mode & 0o077
        ):
            yield (
                f"{name} holds a password, and other users may read {settings_file}; "
                "use a password file (passfile=…)"
            )


def database_names(section: str) -> list[str]:
    """Return which settings of a section are connection strings."""
    rows = declaration.describe(SECTIONS[section], section)
    return [row.name for row in rows if row.name == "database" or row.name.endswith("_database")]


def _secrets(section: str, loaded: Configuration, environ: Mapping[str, str]) -> Iterator[str]:
    found = loaded.loaded[section]
    for row in declaration.describe(SECTIONS[section], section):
        if not row.secret_file:
            continue
        path: Path = getattr(found.settings, row.name)
        if path == _NOT_SET or (row.name in _MADE_AT_FIRST_START and not path.exists()):
            continue
        by_systemd = environ.get(_CREDENTIALS)
        checks_mode = by_systemd is None or not path.is_relative_to(by_systemd)
        for fault in secret_file.faults(path, checks_mode=checks_mode):
            yield f"{row.name}: {path} {fault}"


def certificates(section: str, settings: Any, at: datetime) -> Iterator[str]:
    """Yield what is wrong with a section's certificate, key and authority together; nothing where it has none."""
    content: dict[str, bytes] = {}
    for part, name in _certificate_settings(section).items():
        path: Path = getattr(settings, name)
        try:
            content[part] = path.read_bytes()
        except OSError as error:
            if part != "key":  # said with the secrets
                yield f"{name}: {path} cannot be read ({error.strerror}); have it issued or correct the name"
    if len(content) == len(certificate_files.Files.__slots__):
        pattern = _name_pattern(section, settings)
        files = certificate_files.Files(**content)
        yield from certificate_files.faults(files, name_pattern=pattern, at=at)


def _certificate_settings(section: str) -> dict[str, str]:
    names = {row.name for row in declaration.describe(SECTIONS[section], section)}
    if not {"certificate_file", "key_file"} <= names:
        return {}
    authorities = "ca_file" if "ca_file" in names else "service_authority_file"
    return {"authorities": authorities, "certificate": "certificate_file", "key": "key_file"}


def _name_pattern(section: str, settings: Any) -> str:
    """Return what the certificate has to be called: a worker by its setting, others by their kind or anyhow."""
    if hasattr(settings, "worker_name"):
        return re.escape(str(settings.worker_name))
    return _NAME_PATTERNS.get(section, ".*")


def _console(settings: Any) -> Iterator[str]:
    if not hasattr(settings, "public_url"):
        return
    from ccm_link.console import surroundings

    try:
        surroundings.check(settings)
    except leaf_errors.SettingsError as error:
        yield from error.problems
