"""How the virtual cuffs behave, each as its profile's support statement describes the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from firmware_profiles.decoder_knobs import STANDARD, DecoderKnobs


class Clock(Enum):
    """Where a cuff's clock is set."""

    NONE = "none"  # with its keys only
    CURRENT_TIME = "current_time"  # Current Time Service
    DATE_TIME = "date_time"  # inside the Blood Pressure Service, not to be read
    READABLE_DATE_TIME = "readable_date_time"


class Mean(Enum):
    """What a cuff sends as mean arterial pressure."""

    ESTIMATED = "estimated"  # diastolic plus a third of the pulse pressure, which such cuffs show
    NONE = "none"  # NaN
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class Maker:
    """What a device says of itself; nothing where it says nothing."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = "1.0"


_NOBODY: Final = Maker("Homevitals", "Virtual cuff")


@dataclass(frozen=True, slots=True)
class CuffHabits:
    """What one model does.

    Attributes:
        maker: its Device Information.
        clock: where its clock is set.
        gate_s: it delivers only if its clock and its subscription are written within so long after encryption; None:
            it waits for the subscription alone.
        deaf_s: what is written earlier than so long after encryption is lost on it.
        tells_time: whether it tells its time to whoever listens, and takes another only after that.
        asks_host: whether it asks its host for something of its own, and takes a clock only once it was answered.
        keeps_subscription: whether it sends in a later connection without being asked.
        sends_all: whether it sends all its records every time.
        forgets: whether it deletes what was confirmed.
        starts_amid: whether it sends the second half of its memory first, so that its last record is not the latest.
        one_host: whether it knows one host only, and shows E10 and switches itself off when another one comes.
        shows_passkey: whether it bonds by a code on its display.
        users: the numbers that it gives its users, who take turns; none if it does not tell them apart.
        mean: what it sends as mean arterial pressure.
        highest_pulse_bpm: a faster one is sent as “not expressible”; 0: none is too fast.
        dates_after_setting: whether its records have no time stamp until its clock was set.
        has_buffer: whether it has A&D's vendor service, and keeps records only while that says so.
        company: company identifier and data that it advertises.
        omron: whether it advertises Omron's account of its state, and another name while it pairs.
        knobs: in what its frames deviate.
        battery_percent: its Battery Service; None if it has none.
    """

    maker: Maker = _NOBODY
    clock: Clock = Clock.CURRENT_TIME
    gate_s: float | None = None
    deaf_s: float = 0.0
    tells_time: bool = False
    asks_host: bool = False
    keeps_subscription: bool = False
    sends_all: bool = False
    forgets: bool = False
    starts_amid: bool = False
    one_host: bool = False
    shows_passkey: bool = False
    users: tuple[int, ...] = ()
    mean: Mean = Mean.NONE
    highest_pulse_bpm: int = 0
    dates_after_setting: bool = False
    has_buffer: bool = False
    company: tuple[int, bytes] | None = None
    omron: bool = False
    knobs: DecoderKnobs = STANDARD
    battery_percent: int | None = None


def _a_and_d(model: str) -> CuffHabits:
    return CuffHabits(
        Maker("A&D Medical", model),
        clock=Clock.DATE_TIME,
        gate_s=5.0,
        one_host=True,
        mean=Mean.ESTIMATED,
        highest_pulse_bpm=180,
        dates_after_setting=True,
        has_buffer=True,
        battery_percent=100,
    )


def _omron(model: str, **others: bool) -> CuffHabits:
    return CuffHabits(
        Maker("OMRON HEALTHCARE", model),
        tells_time=True,
        keeps_subscription=True,
        users=(1, 2),
        omron=True,
        battery_percent=80,
        **others,  # type: ignore[arg-type]  # all that are given here are flags
    )


# Beurer's company identifier, and a record that says “passkey”. Source: support statement of the profile beurer-bm54.
_BEURER_PASSKEY: Final = (0x0611, b"\x01\x03")

BY_MODEL: Final[Mapping[str, CuffHabits]] = {
    "standard-cuff": CuffHabits(keeps_subscription=True),
    "and-ua-651ble": _a_and_d("UA-651BLE"),
    "and-ua-656ble": _a_and_d("UA-656BLE"),
    "and-ub-1100ble": _a_and_d("UB-1100BLE"),
    "and-uc-352ble": replace(_a_and_d("UC-352BLE"), has_buffer=False),
    "and-ut-201ble": replace(_a_and_d("UT-201BLE"), has_buffer=False),
    "omron-blesmart": _omron("BP7000"),
    "omron-hem-9200t": _omron("HEM-9200T", shows_passkey=True),
    "omron-hem-6233t": _omron("HEM-6233T", asks_host=True),
    "omron-x4-smart": CuffHabits(
        Maker("OMRON HEALTHCARE", "HEM-7155T"), forgets=True, users=(1, 2)
    ),
    "beurer-bm54": CuffHabits(
        Maker("Beurer GmbH", "BM54"),
        clock=Clock.NONE,
        keeps_subscription=True,
        sends_all=True,
        one_host=True,
        shows_passkey=True,
        users=(0, 1),
        mean=Mean.ZERO,
        company=_BEURER_PASSKEY,
    ),
    "beurer-bm85": CuffHabits(
        Maker("Beurer GmbH", "BM85"),
        clock=Clock.NONE,
        deaf_s=0.1,
        users=(1, 2),
        mean=Mean.ZERO,
        knobs=DecoderKnobs(
            pulse_is_big_endian=True,
            status_is_big_endian=True,
            user_id_always=True,
            no_mean_arterial=True,
            ignored_flags=0x40,
        ),
    ),
    "silvercrest-sbm69": CuffHabits(
        Maker("Hans Dinslage", "SBM69"),
        clock=Clock.NONE,
        sends_all=True,
        shows_passkey=True,
        users=(1, 2),
        mean=Mean.ZERO,
    ),
    "medisana-bu": CuffHabits(
        Maker("Medisana", "BU 570"),
        clock=Clock.NONE,
        sends_all=True,
        starts_amid=True,
        users=(1, 2),
    ),
    "nipro-nbp-1ble": CuffHabits(
        Maker("NIPRO", "NBP-1BLE"), clock=Clock.READABLE_DATE_TIME, deaf_s=1.0
    ),
    "philips-dl8765": CuffHabits(Maker("Philips", "DL8765"), clock=Clock.NONE, users=(1, 2)),
}
"""By the profile that is meant for it."""
