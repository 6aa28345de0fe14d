"""Looks at everything that has to be right before and while the system runs, by name, with what to do about it.

It changes nothing. What cannot be seen from here is said to be unknown instead of being passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import conninfo

from alerts import notifications
from alerts.notify_settings import NotifySettings
from ccm_link.care_record import outbox
from ccm_link.care_record.ehr_settings import EhrSettings
from deploy import certificate_files, database, errors, start_conditions, storage_versions
from deploy.configuration import Configuration
from deploy.settings import SECTIONS
from firmware_profiles import wire
from gateway import clock_quality
from ingest import broker_probe, migrate, named_queries
from ingest import errors as ingest_errors
from ingest.settings import IngestSettings

_Q: Final = named_queries.load("deploy", "doctor")
_INGEST_Q: Final = named_queries.load("ingest")

# The first minor release of each major without the eleven faults published in May 2026, one of them reachable by an
# ordinary role. Source: PostgreSQL security information, release of 14 May 2026.
_PATCHED_MINORS: Final = {15: 18, 16: 14, 17: 10, 18: 4}
_CLOCKS_APART: Final = timedelta(seconds=2)
_CONNECT_TIMEOUT_S: Final = 5
_CALLED_WITHIN: Final = timedelta(minutes=1)
_FAILING_SINCE: Final = timedelta(days=7)
_SENT_WITHIN: Final = timedelta(minutes=10)  # an EHR that rests is asked again within five


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        name: The check, always called the same.
        state: How it came out.
        found: What was found, without secrets.
        what_to_do: For a person; "" where nothing is to be done.
    """

    name: str
    state: State
    found: str
    what_to_do: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at.

    Attributes:
        loaded: All settings.
        settings_file: Where they were read from, where they were.
        environ: The environment.
        owner_database: Connection string of the schemas' owner, or "".
        clock: Returns aware UTC.
    """

    loaded: Configuration
    settings_file: Path | None
    environ: Mapping[str, str]
    owner_database: str
    clock: Callable[[], datetime]

    @property
    def sections(self) -> list[str]:
        """Return the sections that some process starts with."""
        used = {name for names in start_conditions.LONG_RUNNING.values() for name in names}
        return [section for section in SECTIONS if section in used]


def examine(patient: Patient) -> Iterator[Finding]:
    """Yield the findings, one after the other as they are made."""
    yield from _conditions(patient)
    yield from _certificates(patient)
    connections: list[psycopg.Connection[Any]] = []
    try:
        yield from _reachable(patient, connections)
        if connections:
            yield from _in_the_database(patient, connections[0])
        else:
            yield Finding("server", State.UNKNOWN, "no role reaches the database", _SEE_ABOVE)
    finally:
        for connection in connections:
            connection.close()
    yield _calls(patient)
    yield _link(patient)
    yield _migrations(patient)
    yield from _broker(patient)
    yield _clock(patient.clock())
    yield Finding(
        "disk encryption",
        State.UNKNOWN,
        "cannot be seen from inside of the system",
        "make sure that the disks of the database, of its backups and of swap are encrypted (LUKS or the provider's)",
    )


_SEE_ABOVE: Final = "correct what is said above and look again"


def _conditions(patient: Patient) -> Iterator[Finding]:
    """Look at what every process looks at before it starts."""
    for section in patient.sections:
        faults = start_conditions.faults(
            section, patient.loaded, patient.environ, patient.clock(), patient.settings_file
        )
        name = f"conditions of {section}"
        if not faults:
            yield Finding(name, State.OK, "encrypted ways, closed keys, fitting certificates")
        for fault in faults:
            found, _, what_to_do = fault.partition("; ")
            yield Finding(name, State.FAILED, found, what_to_do or _SEE_ABOVE)


def _certificates(patient: Patient) -> Iterator[Finding]:
    """Say how long each certificate still holds."""
    for section in patient.sections:
        file = getattr(patient.loaded.loaded[section].settings, "certificate_file", None)
        if file is None:
            continue
        name = f"certificate of {section}"
        try:
            ends_at = certificate_files.expires_at(file.read_bytes())
        except OSError:
            ends_at = None
        if ends_at is None:
            yield Finding(name, State.UNKNOWN, f"{file} could not be read", _SEE_ABOVE)
            continue
        left = ends_at - patient.clock()
        is_near = left < certificate_files.NOTICE
        yield Finding(
            name,
            State.FAILED if is_near else State.OK,
            f"holds for {max(left.days, 0)} days",
            "have it issued anew and start the process again" if is_near else "",
        )


def _reachable(patient: Patient, connections: list[psycopg.Connection[Any]]) -> Iterator[Finding]:
    """Connect with every connection string; leave the connections that work in the list."""
    for section in patient.sections:
        for setting in start_conditions.database_names(section):
            connection_string = getattr(patient.loaded.loaded[section].settings, setting)
            expected = conninfo.conninfo_to_dict(getattr(SECTIONS[section](), setting))["user"]
            yield _reach(f"database as {expected}", connection_string, str(expected), connections)


def _reach(
    name: str, connection_string: str, expected: str, connections: list[psycopg.Connection[Any]]
) -> Finding:
    try:
        connection = psycopg.connect(
            connection_string, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S
        )
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        # Never the message: it may hold the connection string.
        return Finding(
            name,
            State.FAILED,
            f"not reachable (SQLSTATE {getattr(error, 'sqlstate', None) or 'none'})",
            "start PostgreSQL, check host and port of the connection string and the server's pg_hba.conf",
        )
    connections.append(connection)
    _, role, _ = _server(connection)
    if role != expected:
        return Finding(
            name, State.FAILED, "reaches it as another role", f"write user={expected} there"
        )
    return Finding(name, State.OK, "reachable")


def _server(connection: psycopg.Connection[Any]) -> tuple[int, str, datetime]:
    row: tuple[int, str, datetime] | None = connection.execute(_Q.server).fetchone()
    if row is None:
        raise errors.DeployError("PostgreSQL did not answer; look at its log and try again")
    return row


def _in_the_database(patient: Patient, connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    version, _, server_at = _server(connection)
    yield version_finding(version)
    versions = storage_versions.read(connection)
    too_old = storage_versions.fault(versions)
    yield Finding("storage", State.FAILED if too_old else State.OK, str(versions), too_old or "")
    yield _apart(patient.clock(), server_at)
    roles = connection.execute(_Q.roles, {"owner": database.OWNER}).fetchall()
    at_fault = [f"{role} {fault}" for role, faults in roles for fault in faults]
    yield _none_of(
        "roles",
        at_fault,
        f"{len(roles)} roles own nothing and bypass nothing",
        "take it from them (alter role …, reassign owned by …): a role that owns or bypasses sees every practice",
    )
    rows = connection.execute(_Q.unwalled, {"schemas": list(database.SCHEMAS.values())}).fetchall()
    yield _none_of(
        "walls",
        [str(relation) for (relation,) in rows],
        "every table and view of a practice is behind its wall",
        "run “homevitals migrate”; if it stays, revoke all grants on them and report it to us",
    )


def version_finding(version: int) -> Finding:
    """Judge PostgreSQL's version, as ``server_version_num`` writes it (170010 for 17.10)."""
    major, minor = divmod(version, 10_000)
    found = f"PostgreSQL {major}.{minor}"
    patched = _PATCHED_MINORS.get(major)
    if major < storage_versions.POSTGRESQL:
        return Finding(
            "server",
            State.FAILED,
            found,
            f"install PostgreSQL {storage_versions.POSTGRESQL} or later",
        )
    if patched is not None and minor < patched:
        return Finding(
            "server",
            State.FAILED,
            f"{found} has known security faults",
            f"install {major}.{patched} or a later minor release",
        )
    return Finding("server", State.OK, found)


def _none_of(name: str, at_fault: list[str], good: str, what_to_do: str) -> Finding:
    if at_fault:
        return Finding(name, State.FAILED, "; ".join(at_fault), what_to_do)
    return Finding(name, State.OK, good)


def _apart(here_at: datetime, server_at: datetime) -> Finding:
    apart = abs(here_at - server_at)
    if apart > _CLOCKS_APART:
        return Finding(
            "server's clock",
            State.FAILED,
            f"{apart.total_seconds():.0f} s away from this machine's",
            "let both machines follow the same time servers",
        )
    return Finding("server's clock", State.OK, "agrees with this machine's")


def _migrations(patient: Patient) -> Finding:
    name = "migrations"
    if not patient.owner_database:
        return Finding(
            name,
            State.UNKNOWN,
            f"only {database.OWNER} may see them",
            "give --database or HOMEVITALS_OWNER_DATABASE",
        )
    missing: list[str] = []
    try:
        with psycopg.connect(
            patient.owner_database, connect_timeout=_CONNECT_TIMEOUT_S
        ) as connection:
            for package, schema in database.SCHEMAS.items():
                files = migrate.read(resources.files(package) / "migrations")
                rows = connection.execute(_INGEST_Q.applied_migrations, {"package": schema})
                applied: dict[str, bytes] = dict(rows.fetchall())
                missing += [f"{package}/{one.name}" for one in migrate.unapplied(files, applied)]
    except ingest_errors.MigrationError as error:
        return Finding(
            name, State.FAILED, str(error), "run the release that this database belongs to"
        )
    except psycopg.Error as error:
        return Finding(
            name,
            State.FAILED,
            f"cannot be read (SQLSTATE {error.sqlstate or 'none'})",
            f"check the connection string of {database.OWNER}, then run “homevitals migrate”",
        )
    return _none_of(name, missing, "all are applied", "run “homevitals migrate”")


def _calls(patient: Patient) -> Finding:
    """Say whether people are called in time, and whether messages arrive."""
    name, now = "calls", patient.clock()
    try:
        with psycopg.connect(
            patient.loaded.get(NotifySettings).database, connect_timeout=_CONNECT_TIMEOUT_S
        ) as connection:
            cur = connection.cursor()
            since = notifications.waiting_since(cur, now)
            failing = notifications.count_failing(cur, now - _FAILING_SINCE)
    except psycopg.Error as error:
        found = f"cannot be looked at (SQLSTATE {error.sqlstate or 'none'})"
        return Finding(name, State.UNKNOWN, found, _SEE_ABOVE)
    if since is not None and now - since > _CALLED_WITHIN:
        found = f"the oldest one is due for {(now - since).total_seconds():.0f} s"
        return Finding(name, State.FAILED, found, "start “homevitals notify run”, look at its log")
    if failing:
        found = f"messages to {failing} addresses do not arrive"
        what_to_do = (
            "try the channel with “homevitals notify test”; the console's Escalation shows which"
        )
        return Finding(name, State.FAILED, found, what_to_do)
    return Finding(name, State.OK, "nobody waits to be called, and messages arrive")


def _link(patient: Patient) -> Finding:
    """Say whether what happens leaves for EHRs and other platforms in time, and arrives."""
    name, now = "link", patient.clock()
    try:
        with psycopg.connect(
            patient.loaded.get(EhrSettings).database, connect_timeout=_CONNECT_TIMEOUT_S
        ) as connection:
            since, dead = outbox.how_far(connection.cursor())
    except psycopg.Error as error:
        found = f"cannot be looked at (SQLSTATE {error.sqlstate or 'none'})"
        return Finding(name, State.UNKNOWN, found, _SEE_ABOVE)
    if since is not None and now - since > _SENT_WITHIN:
        found = f"the oldest message is due for {(now - since).total_seconds():.0f} s"
        what_to_do = (
            "start “homevitals ehr run”; “homevitals ehr status” shows which receiver fails"
        )
        return Finding(name, State.FAILED, found, what_to_do)
    if dead:
        what_to_do = (
            "“homevitals ehr status” shows them with the reason; mend it, then “ehr redrive”"
        )
        return Finding(name, State.FAILED, f"{dead} messages did not arrive", what_to_do)
    return Finding(name, State.OK, "nothing waits for long, and everything arrived")


def _broker(patient: Patient) -> Iterator[Finding]:
    """Try out the broker as an ingest worker does before it begins."""
    name = "broker"
    try:
        found = broker_probe.examine(patient.loaded.get(IngestSettings))
    except ingest_errors.BrokerAway as error:
        what_to_do = "start the broker, check broker_host and broker_port of the section [ingest]"
        yield Finding(name, State.FAILED, str(error), what_to_do)
        return
    except ingest_errors.BrokerError as error:
        found_of, _, what_to_do = str(error).partition("; ")
        yield Finding(name, State.FAILED, found_of, what_to_do)
        return
    if not found:
        yield Finding(name, State.OK, "keeps what ingest relies on")
    for one in found:
        yield Finding(name, State.FAILED, one.found, one.what_to_set)


def _clock(now: datetime) -> Finding:
    what_to_do = "let this machine follow a time server (systemd-timesyncd or chrony)"
    match clock_quality.judge(now):
        case wire.GatewayClock.SYNCHRONISED:
            return Finding("clock", State.OK, "follows a time server")
        case wire.GatewayClock.UNSYNCHRONISED:
            return Finding("clock", State.FAILED, "stands before this software existed", what_to_do)
        case wire.GatewayClock.UNKNOWN:
            return Finding("clock", State.UNKNOWN, "nothing says that it is kept right", what_to_do)
