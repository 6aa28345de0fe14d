"""``homevitals ingest``: one ingest worker; with an action, what is done with readings beside the broker."""

from __future__ import annotations

import argparse
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Final

from deploy import configuration, services
from ingest import service
from ingest.settings import IngestSettings

# Action → what it does; the module deploy/commands/ingest_<action>.py has `arguments(parser)` and `run(options)`.
_ACTIONS: Final = {
    "redecode": "read stored bytes again with a newer version of their device profile",
    "import": "take in readings from files",
    "export": "write readings into files",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions; without one it is a worker, and all is in the settings."""
    # “ingest redecode --config F” works like “ingest --config F redecode”.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", help="without one it runs as a worker"
    )
    for action, words in _ACTIONS.items():
        if util.find_spec(_name(action)) is not None:
            chosen = actions.add_parser(action, parents=[common], help=words, description=words)
            _module(action).arguments(chosen)


def run(options: argparse.Namespace) -> int:
    """Do what the action says, or run the worker until it is told to stop."""
    if options.action is not None:
        return int(_module(options.action).run(options))
    settings = configuration.load(options.config).get(IngestSettings)
    service.run(settings, services.prepare())
    return 0


def _name(action: str) -> str:
    return f"deploy.commands.ingest_{action}"


def _module(action: str) -> ModuleType:
    return import_module(_name(action))
