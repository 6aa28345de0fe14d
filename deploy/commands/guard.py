"""``homevitals guard``: keep the broker's revocation list and cut off revoked gateways."""

from __future__ import annotations

import argparse

from deploy import broker_guard, configuration, errors, services
from deploy.broker_settings import GuardSettings
from ingest import errors as ingest_errors


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the single run before a broker's first start."""
    parser.add_argument(
        "--once",
        action="store_true",
        help="write the revocation list and the gateway authority's certificates, then stop",
    )


def run(options: argparse.Namespace) -> int:
    """Run the guard until it is told to stop."""
    settings = configuration.load(options.config).get(GuardSettings)
    stop = services.prepare()
    if not options.once:
        broker_guard.run(settings, stop)
        return 0
    try:
        broker_guard.Guard(settings, stop).write_list()
    except ingest_errors.SignerAway as error:
        raise errors.SignerUnreachable from error
    return 0
