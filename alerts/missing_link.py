"""Which link is missing where a reading is: the patient, the peripheral, the gateway, or our own service. Pure.

It is told from what was heard of each, and when. What nobody knows is called unknown: a wrong answer sends somebody to
the wrong place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from alerts.homes import Home, Peripheral
from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from ingest.hearing import Hearing

# Workers note it every few seconds; a restart of the broker takes less.
_DEAF_AFTER: Final = timedelta(minutes=5)
# Gateways speak once a minute and send again within minutes what has no receipt.
_SETTLES_WITHIN: Final = timedelta(minutes=15)
_BEHIND_AFTER: Final = timedelta(minutes=10)
# The gateway's outbox empties within seconds where we take records in.
_WAITS_LONG_S: Final = 15 * 60


class Link(StrEnum):
    """The link that is missing."""

    PATIENT = "patient"  # all of the way is there, and nothing was measured
    PERIPHERAL = "peripheral"  # its gateway works and has not heard it
    CONVERSATION = "conversation"  # its gateway hears it and cannot read it
    GATEWAY = "gateway"  # it says nothing
    SERVICE = "service"  # we are behind ourselves
    NO_PERIPHERAL = "no_peripheral"  # the patient has none that measures this
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The missing link, how that is known, and what to do."""

    link: Link
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True)
class OwnService:
    """How far we are ourselves.

    Attributes:
        hearing: when the broker was heard; None where it never was.
        waiting_since: since when the oldest evaluation work waits, aware UTC; None where none does.
    """

    hearing: Hearing | None
    waiting_since: datetime | None

    def trouble(self, now: datetime) -> str:
        """Say what is behind; "" where nothing is, or nobody knows."""
        if self.hearing is not None and now - self.hearing.until_at > _DEAF_AFTER:
            return f"This service has not heard its broker since {_utc(self.hearing.until_at)}."
        if self.hearing is not None and now - self.hearing.since_at < _SETTLES_WITHIN:
            return (
                f"This service hears its broker again since {_utc(self.hearing.since_at)};"
                " what was measured before is still arriving."
            )
        if self.waiting_since is not None and now - self.waiting_since > _BEHIND_AFTER:
            return f"Readings wait for evaluation since {_utc(self.waiting_since)}."
        return ""


def diagnose(
    home: Home, kind: Kind, occasion: tuple[datetime, datetime], service: OwnService, now: datetime
) -> Diagnosis:
    """Find the link that is missing.

    Args:
        home: the patient's.
        kind: what was not measured.
        occasion: begin and end of the newest occasion that was not met, aware.
        service: how far we are.
        now: aware UTC.
    """
    if trouble := service.trouble(now):
        return Diagnosis(Link.SERVICE, trouble, _ASK_OPERATOR)
    device = kinds.OF[kind].device
    owned = home.of_kind(kind)
    if not owned:
        return Diagnosis(
            Link.NO_PERIPHERAL,
            f"No {device} that measures this is assigned to the patient.",
            f"Assign the patient's {device} under Peripherals, or end the schedule.",
        )
    if service.hearing is None:
        return Diagnosis(Link.UNKNOWN, "Nobody knows whether this service hears.", _ASK_OPERATOR)
    newest = max(owned, key=lambda one: (one.contact_at is not None, one.contact_at or now))
    return _of_peripheral(newest, device, occasion, home.zone)


def _of_peripheral(
    one: Peripheral, device: str, occasion: tuple[datetime, datetime], zone: ZoneInfo
) -> Diagnosis:
    begin, end = occasion
    gateway = one.gateway
    if gateway is None or gateway.heard_at is None:
        return Diagnosis(
            Link.UNKNOWN,
            f"No gateway that is trusted says that it connects to the patient's {device}.",
            f"Look under Gateways which box is in the home, and whether it may connect to the {device}.",
        )
    if gateway.heard_at < end:
        return Diagnosis(
            Link.GATEWAY,
            f"The gateway “{gateway.label}” has said nothing since {_local(gateway.heard_at, zone)}.",
            "Ask the home whether the box has power and network; what was measured comes when it is back.",
        )
    if gateway.waits_s is not None and gateway.waits_s > _WAITS_LONG_S:
        return Diagnosis(
            Link.SERVICE,
            f"The gateway “{gateway.label}” holds {gateway.waiting_records} records that were not taken in.",
            _ASK_OPERATOR,
        )
    battery = _battery(one, zone)
    if one.failures and one.failed_at is not None and one.failed_at >= begin:
        return Diagnosis(
            Link.CONVERSATION,
            f"The gateway hears the {device} and cannot read it: {one.failures} failed in a row,"
            f" the last on {_local(one.failed_at, zone)}.{battery}",
            f"Have the {device} brought nearer to the box and its batteries changed; if it stays so, pair it again.",
        )
    contact_at = one.contact_at
    if contact_at is not None and contact_at >= begin:
        return Diagnosis(
            Link.PATIENT,
            f"The {device} was last in contact on {_local(contact_at, zone)} and had nothing new:"
            f" the patient did not measure.{battery}",
            "Ask the patient how they are and what keeps them from measuring.",
        )
    since = "never" if contact_at is None else f"not since {_local(contact_at, zone)}"
    return Diagnosis(
        Link.PERIPHERAL,
        f"The gateway works and has heard the {device} {since}: it was not used, is out of reach,"
        f" or its batteries are empty.{battery}",
        f"Ask the patient to measure beside the box; if nothing arrives, have the {device}'s batteries changed.",
    )


_ASK_OPERATOR: Final = "Nothing to ask of the patient: tell whoever runs this service."


def _battery(one: Peripheral, zone: ZoneInfo) -> str:
    if one.battery_percent is None:
        return ""
    read = "" if one.battery_at is None else f" on {_local(one.battery_at, zone)}"
    return f" Its battery was at {one.battery_percent} %{read}."


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
