"""``homevitals evaluate``: one evaluator; several may run at once and share the work in the database."""

from __future__ import annotations

import argparse

from alerts import clock_watch, evaluator
from alerts.settings import AlertsSettings
from ccm_link.care_side import CARE_SIDE
from deploy import configuration, services
from ingest import follower
from ingest.follower import Follower


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all is in the settings."""


def run(options: argparse.Namespace) -> int:
    """Run the evaluator, and the watch beside it, until told to stop; tasks are opened inside their transactions."""
    settings = configuration.load(options.config).get(AlertsSettings)
    stop = services.prepare()
    watch = Follower("watch", clock_watch.follower(CARE_SIDE), clock_watch.POLL_S)
    with follower.following(settings.database, watch):
        evaluator.run(settings, CARE_SIDE, stop)
    return 0
