"""``homevitals quarantine``: what could not become data, with its bytes, the reason, and what to do."""

from __future__ import annotations

import argparse
import json
import sys

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import configuration
from ingest import people, quarantine, store


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how much and in which form."""
    parser.add_argument("--limit", type=int, default=50, help="how many at most, newest first")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the newest quarantined records of all practices, and of gateways that nobody knows."""
    settings = configuration.load(options.config).get(CcmLinkSettings)
    with psycopg.connect(settings.database) as connection, connection.cursor() as cur:
        practices = [None, *(practice.practice_id for practice in people.practices(cur))]
        found = [row for one in practices for row in store.quarantined(cur, one, options.limit)]
    found.sort(key=lambda row: row.received_at, reverse=True)
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
        for row in found[: options.limit]
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
