"""The state of a home's gateway in words, with the next step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ccm_link.console.words import wording
from ingest.directory import Gateway, Standing
from ingest.gaps import Gap

# A gateway speaks when a peripheral does. A home that measures daily is heard daily; two days leave room for a day
# that was forgotten.
_SILENT_AFTER: Final = timedelta(hours=48)
_MOST_HOLES: Final = 5  # written out; the count says how many numbers there are


@dataclass(frozen=True, slots=True)
class GatewayState:
    """What is known, what to do, and whether it is as it should be."""

    label: str
    next_step: str
    is_fine: bool


def state(gateway: Gateway, now: datetime) -> GatewayState:
    """Say how a gateway is.

    Args:
        gateway: As the store knows it; ``is_online`` is what its status message or last will said last.
        now: Aware UTC.
    """
    if gateway.status is Standing.REVOKED:
        return GatewayState("revoked", "Nothing it sends is taken in.", is_fine=True)
    if gateway.status is Standing.EXPECTED:
        return GatewayState(
            "expected",
            "Set the box up in the home and claim its place with the code; issue a new one if it ran out.",
            is_fine=True,
        )
    if gateway.last_seen_at is None:
        return GatewayState(
            "never heard",
            "Check power and network in the home, and that its certificate is installed.",
            is_fine=False,
        )
    silent_for = now - gateway.last_seen_at
    since = wording.span(silent_for.total_seconds())
    if not gateway.is_online:
        return GatewayState(
            "offline",
            f"Not heard for {since}. Check power and network in the home; its readings wait there.",
            is_fine=False,
        )
    if silent_for > _SILENT_AFTER:
        return GatewayState(
            "online, but silent",
            f"No message for {since}. Ask whether the patient measures, and whether the cuff is in reach.",
            is_fine=False,
        )
    return GatewayState("online", "Nothing to do.", is_fine=True)


def gap(missing: Gap) -> GatewayState:
    """Say what missing numbers of an outbox mean."""
    records = wording.count(missing.missing_count, "record")
    if missing.is_superseded:
        return GatewayState(
            f"{records} lost with an older outbox",
            "The box began a new outbox. What it could save of the old one came under new numbers; the rest is lost "
            "unless the cuff or meter still has it. The damaged file is kept on the box: see its log.",
            is_fine=False,
        )
    return GatewayState(
        f"{records} on the way",
        "The box sends them until it has a receipt. If that takes longer than an hour, look at its log and network. "
        "After a repair of its outbox, numbers of records that had arrived before stay missing.",
        is_fine=False,
    )


def numbers(missing: Gap) -> str:
    """Write out which numbers are missing: "number 4, numbers 7 to 9"."""
    shown = [
        f"number {first}" if first == last else f"numbers {first} to {last}"
        for first, last in missing.holes[:_MOST_HOLES]
    ]
    return ", ".join(shown) + (" and more" if len(missing.holes) > _MOST_HOLES else "")
