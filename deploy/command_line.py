"""Who sits at the command line, as the audit trail names them, and how words become instants and numbers."""

from __future__ import annotations

import argparse
import getpass
import os
from datetime import UTC, datetime
from uuid import UUID

from ccm_link.errors import BadMonth
from ccm_link.month import Month
from deploy import errors
from ingest.audit import Agent, AgentKind


def agent() -> Agent:
    """Return the system's user as the one who does it; by number where the system knows no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.getuid()}"
    return Agent(AgentKind.COMMAND_LINE, user)


def instant(word: str) -> datetime:
    """Return a date (00:00 UTC) or an instant with its zone, as aware UTC.

    Raises:
        ArgumentTypeError: it is neither.
    """
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no date and no instant") from None
    if at.tzinfo is None:
        if "T" in word or " " in word:
            raise argparse.ArgumentTypeError(f"{word!r} needs a zone: add Z or +01:00")
        at = at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{word!r} is beyond the calendar") from None


def count(word: str) -> int:
    """Return a whole number from 1 to a million.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not (word.isascii() and word.isdecimal() and len(word) <= 7 and 1 <= int(word) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number from 1 to 1000000")
    return int(word)


def identifier(word: str) -> UUID:
    """Return an id as listings show it.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        return UUID(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no id; copy it from the list") from None


def month(word: str) -> Month:
    """Return a calendar month.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        return Month.parse(word)
    except BadMonth:
        raise argparse.ArgumentTypeError(f"{word!r} is no month; write it like 2026-11") from None


def add_span(parser: argparse.ArgumentParser) -> None:
    """Declare a span of measurement, either end of which may be left open."""
    parser.add_argument(
        "--from",
        dest="from_at",
        type=instant,
        metavar="WHEN",
        help="measured from 2026-11-01 (00:00 UTC) or 2026-11-01T08:00:00-05:00 on",
    )
    parser.add_argument(
        "--to",
        dest="until_at",
        type=instant,
        metavar="WHEN",
        help="measured before then",
    )


def require_span(options: argparse.Namespace) -> None:
    """Refuse a span that ends before it begins.

    Raises:
        ConfigurationError: it does.
    """
    if options.from_at and options.until_at and options.from_at >= options.until_at:
        raise errors.ConfigurationError("“--from” has to be before “--to”")
