"""``homevitals gaps``: records that gateways have numbered and that have not arrived, and what that means."""

from __future__ import annotations

import argparse
import json
import sys

from ccm_link.console.words import gateway_words
from ccm_link.settings import CcmLinkSettings
from deploy import configuration, look
from ingest import fleet, gaps
from ingest.gaps import Gap


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare whose and in which form."""
    parser.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print what is missing of each gateway of a practice."""
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    with look.inside(settings, practice, fleet.RESOURCE) as (cur, _):
        found = gaps.of_practice(cur, practice.practice_id)
    if options.json:
        print(json.dumps([_as_json(gap) for gap in found], indent=2))
        return 0
    for gap in found:
        state = gateway_words.gap(gap)
        print(f"{gap.gateway_id}  {gap.label}  epoch {gap.epoch}: {state.label}")
        print(f"    {gateway_words.numbers(gap)}, since {gap.gap_since.isoformat()}")
        print(f"    {state.next_step}")
    if not found:
        print("nothing is missing", file=sys.stderr)
    return 0


def _as_json(gap: Gap) -> dict[str, object]:
    return {
        "gateway_id": gap.gateway_id,
        "label": gap.label,
        "epoch": gap.epoch,
        "is_superseded": gap.is_superseded,
        "missing_count": gap.missing_count,
        "holes": [{"first": first, "last": last} for first, last in gap.holes],
        "gap_since": gap.gap_since.isoformat(),
        "first_seen_at": gap.first_seen_at.isoformat(),
        "last_seen_at": gap.last_seen_at.isoformat(),
    }
