"""Where a connection string leads, and whether anybody on the way could read along. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg import conninfo

from firmware_profiles import secret_file

# Of libpq's modes the one that both encrypts and checks who answers.
# Source: PostgreSQL 17 documentation, 32.19.3, table 32.1.
_VERIFIED: Final = "verify-full"


def faults(connection_string: str, environ: Mapping[str, str]) -> list[str]:
    """Return why a connection string must not be used; each fault says what to do, none repeats the string.

    A unix socket and the loopback stay inside of the machine. Anything else has to be TLS that checks the server's
    name, for every server of the list.

    Args:
        connection_string: As libpq takes it.
        environ: What libpq would fill in: ``PGHOST``, ``PGHOSTADDR``, ``PGSSLMODE``, ``PGSERVICE``, ``PGPASSWORD``.
    """
    try:
        given = conninfo.conninfo_to_dict(connection_string)
    except psycopg.ProgrammingError:
        return [
            "is no connection string; write it like “host=… dbname=… user=… sslmode=verify-full”"
        ]
    found = []
    if given.get("service") or environ.get("PGSERVICE"):
        found.append(
            "takes its server from a service file, which is not checked here; write host and sslmode out"
        )
    if environ.get("PGPASSWORD"):
        found.append(
            "PGPASSWORD holds a password in the environment; use a password file (passfile=…)"
        )
    password = str(given.get("password") or "")
    if password and secret_file.is_placeholder(password):
        found.append("holds a placeholder as its password; use a password file (passfile=…)")
    sslmode = given.get("sslmode") or environ.get("PGSSLMODE") or ""
    if sslmode != _VERIFIED and not all(_stays_here(host) for host in _hosts(given, environ)):
        found.append("crosses a network without sslmode=verify-full; add it, with sslrootcert=…")
    return found


def holds_a_password(connection_string: str) -> bool:
    """Tell whether a connection string carries a password; one that is none carries none."""
    try:
        return bool(conninfo.conninfo_to_dict(connection_string).get("password"))
    except psycopg.ProgrammingError:
        return False


def _hosts(given: Mapping[str, object], environ: Mapping[str, str]) -> list[str]:
    """Return the servers of a connection string; "" is libpq's default, a unix socket."""
    # An address, where there is one, is what is connected to; the name is then only what is checked.
    for parameter, variable in (("hostaddr", "PGHOSTADDR"), ("host", "PGHOST")):
        listed = str(given.get(parameter) or environ.get(variable) or "")
        if listed:
            return listed.split(",")
    return [""]


def _stays_here(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
