"""``homevitals quarantine``: what could not become data, with its bytes, the reason, and what to do."""

from __future__ import annotations

import argparse
import json
import sys

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import configuration, look
from ingest import quarantine, store
from ingest.settings import IngestSettings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare whose, how much and in which form."""
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    whose.add_argument(
        "--unknown-gateways",
        action="store_true",
        help="what came from gateways that no practice knows",
    )
    parser.add_argument("--limit", type=int, default=50, help="how many at most, newest first")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the newest quarantined records of a practice, or of gateways that nobody knows."""
    configured = configuration.load(options.config)
    if options.unknown_gateways:
        # It belongs to no practice, so only ingest sees it.
        with (
            psycopg.connect(configured.get(IngestSettings).database) as connection,
            connection.cursor() as cur,
        ):
            found = store.quarantined(cur, None, options.limit)
    else:
        settings = configured.get(CcmLinkSettings)
        practice = look.practice(settings, options.practice)
        with look.inside(settings, practice, "quarantine") as (cur, _):
            found = store.quarantined(cur, practice.practice_id, options.limit)
    rows = [
        {
            "received_at": row.received_at.isoformat(),
            "gateway_id": row.gateway_id,
            "outbox_seq": row.outbox_seq,
            "reason": row.reason,
            "detail": row.detail,
            "raw": row.raw.hex(),
            "what_to_do": quarantine.explain(row.reason).action,
        }
        for row in found
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        print(
            f"{row['received_at']}  {row['gateway_id']}  number {row['outbox_seq']}  {row['reason']}"
        )
        print(f"    {row['detail']}\n    bytes: {row['raw']}\n    {row['what_to_do']}")
    if not rows:
        print("quarantine is empty", file=sys.stderr)
    return 0
