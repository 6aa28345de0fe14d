"""Writes docs/reference.md from the declarations themselves: ``python -m deploy.reference > docs/reference.md``.

A test compares the file with what this module writes, so a command, setting, route, profile or reason cannot come
or go without its line in the document.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from ccm_link.console import app as console_app
from ccm_link.console.routes import permissions
from ccm_link.settings import CcmLinkSettings
from deploy import cli as server_cli
from deploy.settings import SECTIONS
from firmware_profiles import models, topics
from firmware_profiles import settings as declaration
from gateway import cli as gateway_cli
from gateway import settings as gateway_settings
from ingest import quarantine

_EXIT_STATUS: Final = """\
| status | meaning |
| --- | --- |
| 0 | done |
| 1 | failure; the message says what to do |
| 2 | wrong use of the command |
| 3 | settings that cannot be used |
| 4 | something that is needed is missing or cannot be reached |
| 130 | interrupted |
| 143 | ended by SIGTERM in the middle of an import or export |
"""


def text() -> str:
    """Return the whole document as Markdown."""
    parts = [
        "# Reference",
        "Written by `python -m deploy.reference` from the declarations in the code; a test keeps it so.",
        "## Commands of the server: `homevitals`",
        *_commands(server_cli.build_parser()),
        "## Commands of the gateway: `homevitals-gateway`",
        *_commands(gateway_cli.build_parser()),
        "## Exit status",
        _EXIT_STATUS,
        "## Settings of the server",
        *_settings(SECTIONS),
        "## Settings of the gateway",
        *_settings({gateway_settings.SECTION: gateway_settings.GatewaySettings}),
        "## Device profiles",
        _table(
            ("profile", "version", "peripheral"),
            ((f"`{p.profile_id}`", p.version, p.title) for p in models.profiles()),
        ),
        "## MQTT topics",
        _table(
            ("topic", "who writes", "what"),
            (
                (
                    f"`{topics.readings('gw-xxxxxxxx')}`",
                    "the gateway",
                    "batches of records (wire format 1)",
                ),
                (
                    f"`{topics.status('gw-xxxxxxxx')}`",
                    "the gateway, retained; its last will",
                    "presence; how it is (not retained)",
                ),
                (f"`{topics.receipts('gw-xxxxxxxx')}`", "ingest", "receipts"),
            ),
        ),
        "The payloads are described by `firmware_profiles/wire_v1.schema.json` (JSON Schema 2020-12).",
        "## Quarantine reasons",
        _table(
            ("reason", "what it means", "what to do"),
            (
                (f"`{reason}`", explanation.meaning, explanation.action)
                for reason, explanation in quarantine.EXPLANATIONS.items()
            ),
        ),
        "## Who may do what",
        "Per resource of the console, what each role may do with it. What is not written here is refused.",
        _table(*_matrix()),
        "## HTTP routes",
        _table(("route", "needs"), _routes()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    # argparse offers no public way to list the subcommands.
    commands = next(
        action
        for action in parser._actions  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    )
    choices = commands._choices_actions  # noqa: SLF001
    yield _table(
        ("command", "what it does"),
        ((f"`{parser.prog} {choice.dest}`", choice.help) for choice in choices),
    )
    yield "`--help` after a command shows its options."


def _settings(sections: dict[str, type[Any]]) -> Iterator[str]:
    for section, declared in sections.items():
        yield f"### `[{section}]`"
        yield _table(
            ("setting", "environment", "type", "default", "what it does"),
            (
                (
                    f"`{row.name}`",
                    f"`{row.variable}`",
                    row.type_name + (f", {row.unit}" if row.unit else ""),
                    f"`{row.default}`" if row.default is not None else "must be given",
                    row.help,
                )
                for row in declaration.describe(declared, section)
            ),
        )


def _routes() -> list[tuple[str, str]]:
    # No connection is opened: the pools are only used by requests.
    app = console_app.create_app(None, None, CcmLinkSettings(), lambda: datetime.now(UTC))  # type: ignore[arg-type]
    return [(f"`{method} {path}`", needs) for method, path, needs in permissions.describe(app)]


def _matrix() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    head, *rows = permissions.describe_matrix()
    return head, rows


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(text())
