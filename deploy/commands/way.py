"""``homevitals way``: everything that is known of one reading, from its bytes to the minutes it led to."""

from __future__ import annotations

import argparse
from typing import Any
from uuid import UUID

from ccm_link.settings import CcmLinkSettings
from deploy import configuration, errors, look, way


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which reading of which practice."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("reading", nargs="?", help="id of the reading")
    which.add_argument(
        "--latest", action="store_true", help="the reading that led to the newest task"
    )
    parser.add_argument("--practice", metavar="SLUG", help="whose reading, where there are several")


def run(options: argparse.Namespace) -> int:
    """Print the way."""
    settings = configuration.load(options.config).get(CcmLinkSettings)
    reading_id = None if options.latest else _reading_id(options.reading)
    practice = look.practice(settings, options.practice)
    with look.inside(settings, practice, "way", str(reading_id or "latest")) as (cur, seen):
        if reading_id is None:
            found = way.of_newest_task(cur, practice.practice_id, _out_of_reach)
        else:
            found = way.of_reading(cur, practice.practice_id, reading_id, _out_of_reach)
        if found.patient_id is not None:
            seen.add(found.patient_id)
    print(way.as_text(found.stations))
    return 0


def _reading_id(word: str) -> UUID:
    try:
        return UUID(word)
    except ValueError:
        raise errors.DeployError(
            "a reading's id looks like 0b9d7a52-4a0e-4c5e-9d9f-2f1f6f0c8a11"
        ) from None


def _out_of_reach(_gateway_id: str, _epoch: str, _seq: int) -> dict[str, Any] | None:
    """A gateway's outbox is on the gateway."""
    return None
