"""``homevitals schedule``: what happens by the clock; one is enough, two do no harm."""

from __future__ import annotations

import argparse

from ccm_link.settings import CcmLinkSettings
from deploy import configuration, scheduler, services
from deploy.settings import SchedulerSettings


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all is in the settings."""


def run(options: argparse.Namespace) -> int:
    """Run the scheduler until it is told to stop."""
    loaded = configuration.load(options.config)
    settings, of_console = loaded.get(SchedulerSettings), loaded.get(CcmLinkSettings)
    scheduler.run(settings, of_console, services.prepare())
    return 0
