"""``homevitals config check``: the settings in force and where each of them comes from."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import fields
from typing import Any, Final

from deploy import configuration
from deploy.settings import SECTIONS
from firmware_profiles import settings as declaration

# A password has no place in a connection string (a passfile has), but somebody will put it there.
_PASSWORD: Final = re.compile(r"password\s*=\s*('(\\.|[^'])*'|\S+)|(?<=://)[^@/]*(?=@)")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do with the settings."""
    parser.add_argument(
        "action",
        choices=["check", "sample"],
        help="check: show what is in force; sample: print a TOML file",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the settings; problems are raised by loading them."""
    if options.action == "sample":
        sys.stdout.write(sample())
        return 0
    found = configuration.load(options.config)
    rows = [
        {
            "section": section,
            "name": field.name,
            "setting": _shown(loaded.settings, field.name),
            "from": loaded.origins[field.name],
        }
        for section, loaded in found.loaded.items()
        for field in fields(loaded.settings)
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        print(f"[{row['section']}] {row['name']} = {row['setting']}   ({row['from']})")
    print("the settings are usable", file=sys.stderr)
    return 0


def sample() -> str:
    """Return a TOML file with every setting at its default, explained."""
    lines: list[str] = []
    for section, declared in SECTIONS.items():
        lines.append(f"[{section}]")
        for row in declaration.describe(declared, section):
            unit = f" ({row.unit})" if row.unit else ""
            lines += [f"# {row.help}{unit}", f"# {row.name} = {row.default}", ""]
    return "\n".join(lines)


def _shown(settings: Any, name: str) -> Any:
    found = getattr(settings, name)
    if name == "database":
        return _PASSWORD.sub("password=…", found)
    return found if isinstance(found, bool | int | float) else str(found)
