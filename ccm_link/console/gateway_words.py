"""The state of a home's gateway in words, with the next step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ccm_link.console import wording
from ingest.directory import Gateway, Standing

# A gateway speaks when a peripheral does. A home that measures daily is heard daily; two days leave room for a day
# that was forgotten.
_SILENT_AFTER: Final = timedelta(hours=48)


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
