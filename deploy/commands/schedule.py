"""``homevitals schedule``: what happens by the clock; one is enough, two do no harm."""

from __future__ import annotations

import argparse

from deploy import configuration, scheduler, services
from deploy.settings import SchedulerSettings


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all is in the settings."""


def run(options: argparse.Namespace) -> int:
    """Run the scheduler until it is told to stop."""
    settings = configuration.load(options.config).get(SchedulerSettings)
    scheduler.run(settings, services.prepare())
    return 0
