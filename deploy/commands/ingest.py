"""``homevitals ingest``: one ingest worker; several may run at once under different names."""

from __future__ import annotations

import argparse

from deploy import configuration, services
from ingest import service
from ingest.settings import IngestSettings


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all is in the settings."""


def run(options: argparse.Namespace) -> int:
    """Run the worker until it is told to stop."""
    settings = configuration.load(options.config).get(IngestSettings)
    service.run(settings, services.prepare())
    return 0
