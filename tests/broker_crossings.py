"""What nobody may do at a broker, whichever broker it is, and what has to work."""

from __future__ import annotations

A, B = "gw-aaaaaaaa", "gw-bbbbbbbb"

# Who, topic. Each is tried with and without the retain flag.
FORBIDDEN_TO_PUBLISH = [
    (A, f"hv/1/up/{B}/readings"),
    (A, f"hv/1/up/{B}/status"),
    (A, f"hv/1/down/{B}/receipts"),
    (A, f"hv/1/down/{A}/receipts"),
    (A, f"hv/1/up/{B}/configured"),
    (A, f"hv/1/down/{A}/configuration"),
    (A, f"hv/1/down/{B}/configuration"),
    (A, "hv/1/canary/ingest-1"),
    (A, f"hv/1/canary/{A}"),
    (A, f"hv/1/up/{A}"),
    (A, f"hv/1/up/{A}/readings/more"),
    (A, f"hv/1/up/{A}/receipts"),
    (A, "hv/1/up//readings"),
    (A, f"/hv/1/up/{A}/readings"),
    (A, f"hv/2/up/{A}/readings"),
    (A, "$SYS/broker/load"),
    (A, "$SYS/broker/connection/x/state"),
    (A, f"$share/g/hv/1/up/{B}/readings"),
    (A, "anything"),
    ("ingest-1", f"hv/1/up/{A}/readings"),
    ("ingest-1", "hv/1/canary/ingest-2"),
    ("ingest-1", f"hv/1/down/{A}/other"),
    ("guard-1", f"hv/1/up/{A}/readings"),
    ("guard-1", f"hv/1/down/{A}/receipts"),
    ("guard-1", f"hv/1/down/{A}/configuration"),
    ("guard-1", "hv/1/canary/ingest-1"),
]

FORBIDDEN_TO_HEAR = [
    (A, "#"),
    (A, "+/#"),
    (A, "+/+/+/+/+"),
    (A, "hv/#"),
    (A, "hv/1/up/#"),
    (A, "hv/1/up/+/readings"),
    (A, "hv/1/up/+/status"),
    (A, f"hv/1/up/{A}/readings"),
    (A, f"hv/1/up/{B}/readings"),
    (A, f"hv/1/up/{B}/status"),
    (A, "hv/1/down/#"),
    (A, "hv/1/down/+/receipts"),
    (A, f"hv/1/down/{B}/#"),
    (A, f"hv/1/down/{B}/receipts"),
    (A, f"hv/1/down/{B}/configuration"),
    (A, "hv/1/down/+/configuration"),
    (A, f"hv/1/up/{B}/configured"),
    (A, "hv/1/up/+/configured"),
    (A, "hv/1/canary/ingest-1"),
    (A, "hv/1/canary/#"),
    (A, "$share/g/#"),
    (A, f"$share/g/hv/1/down/{B}/receipts"),
    (A, "$share/ingest/hv/1/up/+/readings"),
    (A, "$SYS/#"),
    ("ingest-1", "hv/1/down/#"),
    ("ingest-1", "hv/1/canary/ingest-2"),
    ("guard-1", "#"),
    ("guard-1", f"hv/1/up/{A}/readings"),
    ("guard-1", f"hv/1/down/{A}/receipts"),
]

ALLOWED_TO_PUBLISH = [
    (A, f"hv/1/up/{A}/readings", False),
    (A, f"hv/1/up/{A}/status", False),
    (A, f"hv/1/up/{A}/status", True),
    (A, f"hv/1/up/{A}/configured", False),
    (B, f"hv/1/up/{B}/readings", False),
    ("ingest-1", f"hv/1/down/{A}/receipts", False),
    ("ingest-2", f"hv/1/down/{B}/receipts", False),
    ("ingest-1", f"hv/1/down/{A}/configuration", True),
    ("ingest-2", f"hv/1/down/{B}/configuration", True),
    ("ingest-1", "hv/1/canary/ingest-1", False),
]

ALLOWED_TO_HEAR = [
    (A, f"hv/1/down/{A}/receipts"),
    (B, f"hv/1/down/{B}/receipts"),
    (A, f"hv/1/down/{A}/configuration"),
    ("ingest-1", "hv/1/up/+/configured"),
    ("ingest-1", "hv/1/up/+/readings"),
    ("ingest-2", "hv/1/up/+/status"),
    ("ingest-1", "hv/1/canary/ingest-1"),
]

# Names that no authority of ours gives, with a topic that they would reach if a broker took them at their word.
ROGUE_NAMES = [
    "+",
    "#",
    f"{B}/readings",
    f"{B}/#",
    f"../{B}",
    f"{B}\n",
    "",
    "$share",
    "%u",
    "${username}",
]
