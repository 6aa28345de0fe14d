"""``homevitals patients``: what is done with a practice's patients beside the console."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

# Action → what it does; the module deploy/commands/patients_<action>.py has `arguments(parser)` and `run(options)`.
_ACTIONS: Final = {
    "import": "take in a panel from a CSV file or a FHIR bundle; without --apply it only says what is new",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    # “patients import --config F” works like “patients --config F import”.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, words in _ACTIONS.items():
        chosen = actions.add_parser(action, parents=[common], help=words, description=words)
        _module(action).arguments(chosen)


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    return int(_module(options.action).run(options))


def _module(action: str) -> ModuleType:
    return import_module(f"deploy.commands.patients_{action}")
