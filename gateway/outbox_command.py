"""``homevitals-gateway outbox``: list what the gateway holds, sum it up, let it be sent again."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta

from gateway import outbox_listing, outbox_look
from gateway.errors import ExitCode
from gateway.outbox import Outbox
from gateway.settings import GatewaySettings


def show_list(options: argparse.Namespace, settings: GatewaySettings) -> ExitCode:
    """Print the newest records, without their content.

    Raises:
        OutboxError: there is no outbox, or it cannot be read.
    """
    look = outbox_look.into(settings.state_folder, options.limit)
    if options.json:
        print(outbox_listing.as_json(look.epoch, look.rows))
    else:
        print(outbox_listing.as_table(look.rows))
    return ExitCode.OK


def show_summary(options: argparse.Namespace, settings: GatewaySettings) -> ExitCode:
    """Print how much waits and since when, and how much more may.

    Raises:
        OutboxError: there is no outbox, or it cannot be read.
    """
    look = outbox_look.into(settings.state_folder, 0)
    limits, now = settings.outbox_limits(), datetime.now(UTC)
    if options.json:
        print(outbox_listing.summary_as_json(look, limits, now))
    else:
        print("\n".join(outbox_listing.summary(look, limits, now)))
    return ExitCode.OK


def resend(options: argparse.Namespace, settings: GatewaySettings) -> ExitCode:
    """Let records wait again that were receipted since an instant.

    Raises:
        OutboxError: the gateway runs, or the disk refuses.
    """
    now = datetime.now(UTC)
    outbox = Outbox(settings.state_folder, now)
    try:
        count = outbox.resend(options.since)
    finally:
        outbox.close()
    print(f"{count} records will be sent when the gateway runs again")
    if options.since < now - timedelta(days=settings.keep_receipted_days):
        print(
            f"receipted records are kept for {settings.keep_receipted_days:g} days: what was receipted before that is"
            " not on this gateway any more",
            file=sys.stderr,
        )
    return ExitCode.OK
