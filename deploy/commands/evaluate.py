"""``homevitals evaluate``: one evaluator; several may run at once and share the work in the database."""

from __future__ import annotations

import argparse

from alerts import evaluator
from alerts.settings import AlertsSettings
from ccm_link.care_side import CARE_SIDE
from deploy import configuration, services


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all is in the settings."""


def run(options: argparse.Namespace) -> int:
    """Run the evaluator until it is told to stop; tasks are opened inside its own transactions."""
    settings = configuration.load(options.config).get(AlertsSettings)
    evaluator.run(settings, CARE_SIDE, services.prepare())
    return 0
