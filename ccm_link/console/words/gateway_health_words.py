"""How a gateway says it is, in words, with the next step. Pure; what nobody knows is called unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ccm_link.console.words import wording
from firmware_profiles.wire_health import (
    AdapterHealth,
    AdapterState,
    Bond,
    Closure,
    Health,
    PeripheralHealth,
)
from firmware_profiles.wire_record import GatewayClock
from ingest.gateway_health import LastWord, SalvagedOutbox

# Gateways speak once a minute; ten missed words are no accident.
_OLD_AFTER: Final = timedelta(minutes=10)
# TLS, measurement times and receipts bear minutes; more shows in the record's times.
_CLOCK_OFF_AFTER: Final = timedelta(minutes=2)
_WAITS_LONG_AFTER: Final = timedelta(hours=1)
_REFUSED_LATELY: Final = timedelta(days=1)
_LITTLE_DISK_BYTES: Final = 200 * 2**20
# From here on a Raspberry Pi slows down. Source: Raspberry Pi documentation, “Frequency management”.
_HOT_C: Final = 80.0
# Cuffs refuse to measure somewhat below; two weeks are left to send a battery.
_LOW_BATTERY_PERCENT: Final = 15
_FAILS_OFTEN: Final = 3
_MIB: Final = 2**20
_MOST_RUNS: Final = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One thing about a gateway: how it is, what to do, and whether it is as it should be."""

    what: str
    state: str
    next_step: str
    is_fine: bool


@dataclass(frozen=True, slots=True)
class PeripheralLine:
    """One peripheral as its gateway knows it."""

    address: str
    profile_id: str
    talked_at: datetime | None
    heard_at: datetime | None
    loudness: str
    battery: str
    bond: str
    next_step: str
    is_fine: bool


def lines(word: LastWord, now: datetime) -> list[Line]:
    """Say how a gateway is, thing by thing."""
    if word.health is None:
        unread = "It says more than this server understands: update the server."
        return [Line("Its own word", "of a later version", unread, is_fine=False)]
    return list(_lines(word, word.health, now))


def peripherals(word: LastWord, now: datetime) -> list[PeripheralLine]:
    """Say how each peripheral of a gateway is."""
    return [] if word.health is None else [_peripheral(one, now) for one in word.health.peripherals]


def trouble_count(word: LastWord | None, now: datetime) -> int:
    """Return how many things about a gateway are not as they should be; nothing is known of one that says nothing."""
    if word is None:
        return 0
    wrong = sum(not line.is_fine for line in lines(word, now))
    return wrong + sum(not one.is_fine for one in peripherals(word, now))


def salvage(one: SalvagedOutbox) -> Line:
    """Say what became of a damaged outbox."""
    saved = f"{wording.count(one.saved, 'record')} saved"
    lost = wording.count(one.lost_count, "record")
    if one.highest_seq is None:
        state, step = (
            f"{saved}, nobody knows of how many",
            "Ask the homes whether readings are missing.",
        )
    elif one.unsaved_count > one.named_count:
        state = f"{saved}, at least {lost} lost"
        step = f"{_numbers(one)} and others neither were saved nor have arrived. {_PERHAPS}"
    elif one.lost_count:
        state = f"{saved}, {lost} lost"
        step = f"{_numbers(one)} neither were saved nor have arrived. {_PERHAPS}"
    else:
        state, step = f"{saved}, nothing lost", "Nothing to do."
    return Line(one.reason.replace("_", " "), state, step, is_fine=step == "Nothing to do.")


_PERHAPS: Final = "The cuff or meter may still have them. Replace the box's memory card."


def _numbers(one: SalvagedOutbox) -> str:
    runs = list(zip(one.firsts, one.lasts, strict=True))
    shown = [
        f"number {first}" if first == last else f"numbers {first} to {last}"
        for first, last in runs[:_MOST_RUNS]
    ]
    text = ", ".join(shown) + (" and more" if len(runs) > _MOST_RUNS else "")
    return text[:1].upper() + text[1:]


def _lines(word: LastWord, health: Health, now: datetime) -> Iterator[Line]:
    silent_for = now - word.received_at
    if silent_for > _OLD_AFTER:
        since = wording.span(silent_for.total_seconds())
        step = "All below is from then. Check power and network in the home."
        yield Line("Its own word", f"{since} old", step, is_fine=False)
    yield _outbox(word, health)
    yield from _uplink(health, now)
    yield from _radios(health)
    yield _clock(word, health)
    yield _disk(health)
    yield _warmth(health)
    yield _software(word, health)


def _outbox(word: LastWord, health: Health) -> Line:
    outbox = health.outbox
    size = f"{outbox.size_bytes / _MIB:.1f} of {outbox.size_limit_bytes / _MIB:.0f} MiB"
    waiting = f"{wording.count(word.waiting_records, 'record')} waiting, {size}"
    match outbox.closed:
        case Closure.SIZE:
            step = "It is full and asks no peripheral any more. Find out why its records get no receipts."
        case Closure.AGE:
            step = "Nothing was receipted for so long that it asks no peripheral any more. Look at broker and ingest."
        case Closure.DISK:
            step = "Its disk is full, so it asks no peripheral any more. Free space on the box."
        case None:
            return _waiting(word, health, waiting)
    return Line("Outbox", f"takes no records: {waiting}", step, is_fine=False)


def _waiting(word: LastWord, health: Health, state: str) -> Line:
    oldest_at = health.outbox.oldest_waiting_at
    if oldest_at is None:
        return Line("Outbox", state, "Nothing to do.", is_fine=True)
    waits = word.said_at - oldest_at
    state = f"{state}, the oldest for {wording.span(waits.total_seconds())}"
    if waits > _WAITS_LONG_AFTER:
        step = "Records wait although the box is connected: look at ingest, and at what the broker refused."
        return Line("Outbox", state, step, is_fine=False)
    return Line("Outbox", state, "Nothing to do.", is_fine=True)


def _uplink(health: Health, now: datetime) -> Iterator[Line]:
    refusal, failure = health.uplink.refusal, health.uplink.failure
    if refusal is not None and now - refusal.at < _REFUSED_LATELY:
        state = f"the broker refused a message: {refusal.reason.replace('_', ' ')}"
        step = (
            "Compare the broker's access list with what “homevitals broker config” writes."
            if refusal.reason == "not_authorized"
            else "Look at the broker's limits and its log. The records stay on the box and are sent again."
        )
        yield Line("Connection", state, step, is_fine=False)
    elif failure is not None and now - failure.at < _REFUSED_LATELY:
        ago = wording.span((now - failure.at).total_seconds())
        state = f"connected; {ago} ago it was not: {failure.reason.replace('_', ' ')}"
        yield Line("Connection", state, "Nothing to do unless it happens often.", is_fine=True)
    else:
        yield Line("Connection", "connected", "Nothing to do.", is_fine=True)


def _radios(health: Health) -> Iterator[Line]:
    if not health.adapters:
        yield Line("Radio", "unknown", "Run “homevitals-gateway doctor” on the box.", is_fine=False)
    for adapter in health.adapters:
        yield _radio(adapter)


def _radio(adapter: AdapterHealth) -> Line:
    what = f"Radio {adapter.name}"
    if adapter.state is AdapterState.UP:
        return Line(what, "works", "Nothing to do.", is_fine=True)
    why = adapter.failure.reason.replace("_", " ") if adapter.failure else "unknown why"
    step = "The box tries again by itself. If it stays so, take the box off power for a minute, then run its doctor."
    return Line(what, f"does not work: {why}", step, is_fine=False)


def _clock(word: LastWord, health: Health) -> Line:
    off = word.said_at - word.received_at
    step = "See that the box reaches a time server (NTP). Until then its times are corrected by the time of arrival."
    if abs(off) > _CLOCK_OFF_AFTER:
        by = wording.span(abs(off).total_seconds())
        state = f"{by} {'ahead' if off > timedelta() else 'behind'}"
        return Line("Clock", state, step, is_fine=False)
    match health.machine.clock:
        case GatewayClock.SYNCHRONISED:
            return Line("Clock", "right, kept by a time server", "Nothing to do.", is_fine=True)
        case GatewayClock.UNSYNCHRONISED:
            return Line("Clock", "not set", step, is_fine=False)
        case GatewayClock.UNKNOWN:
            state = "right now; whether anything keeps it right is unknown"
            return Line("Clock", state, "Nothing to do while it is right.", is_fine=True)


def _disk(health: Health) -> Line:
    free = health.machine.disk_free_bytes
    if free is None:
        return Line("Disk", "unknown", "Run “homevitals-gateway doctor” on the box.", is_fine=False)
    state = f"{free / _MIB:,.0f} MiB free"
    if free < _LITTLE_DISK_BYTES:
        return Line(
            "Disk", state, "Free space on the box before it takes no records.", is_fine=False
        )
    return Line("Disk", state, "Nothing to do.", is_fine=True)


def _warmth(health: Health) -> Line:
    warmth = health.machine.temperature_c
    if warmth is None:
        return Line("Temperature", "unknown: the box has no sensor", "Nothing to do.", is_fine=True)
    state = f"{warmth:.0f} °C"
    if warmth >= _HOT_C:
        return Line(
            "Temperature", state, "It is hot: give the box air, away from heat.", is_fine=False
        )
    return Line("Temperature", state, "Nothing to do.", is_fine=True)


def _software(word: LastWord, health: Health) -> Line:
    software, machine = health.software, health.machine
    parts = [f"gateway {software.package}", f"profiles {software.profiles or 'unknown'}"]
    parts += [software.system or "system unknown", f"BlueZ {software.bluez or 'unknown'}"]
    if machine.resident_bytes is not None:
        parts.append(f"{machine.resident_bytes / _MIB:.0f} MiB of memory")
    running = wording.span((word.said_at - machine.started_at).total_seconds())
    return Line(
        "Software", f"{', '.join(parts)}; runs for {running}", "Nothing to do.", is_fine=True
    )


def _peripheral(one: PeripheralHealth, now: datetime) -> PeripheralLine:
    step, is_fine = _peripheral_step(one)
    battery = "unknown"
    if one.battery_percent is not None:
        battery = f"{one.battery_percent} %"
        if one.battery_at is not None:
            battery += f", {wording.span((now - one.battery_at).total_seconds())} ago"
    return PeripheralLine(
        address=one.peripheral,
        profile_id=one.profile_id or "unknown",
        talked_at=one.talked_at,
        heard_at=one.heard_at,
        loudness="unknown" if one.rssi_dbm is None else f"{one.rssi_dbm} dBm",
        battery=battery,
        bond=one.bond.value,
        next_step=step,
        is_fine=is_fine,
    )


def _peripheral_step(one: PeripheralHealth) -> tuple[str, bool]:
    if one.bond is Bond.LOST:
        return "It has lost the key it shared with the box: pair it again in the home.", False
    if one.failure is not None and one.failures >= _FAILS_OFTEN:
        reason = one.failure.reason.replace("_", " ")
        return (
            f"Conversations fail ({one.failures} in a row: {reason}). Bring it nearer, change its battery.",
            False,
        )
    if one.battery_percent is not None and one.battery_percent <= _LOW_BATTERY_PERCENT:
        return "Its battery is nearly empty: send a new one.", False
    if one.talked_at is None:
        return "It has never been read. Ask whether it is paired and used.", False
    return "Nothing to do.", True
