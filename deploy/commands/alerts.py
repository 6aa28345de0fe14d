"""``homevitals alerts``: what is done with rules beside the evaluator."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

# Action → what it does; the module deploy/commands/alerts_<action>.py has `arguments(parser)` and `run(options)`.
_ACTIONS: Final = {
    "activate": "put a rule set in force under a clinician's name",
    "backtest": "ask rules about the readings of the past, and print what would have come of it",
    "rules": "list the rules in force, with their sources",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    # “alerts backtest --config F” works like “alerts --config F backtest”.
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
    return import_module(f"deploy.commands.alerts_{action}")
