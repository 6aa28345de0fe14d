"""The outbox, and the peripherals as their last conversations left them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from firmware_profiles.wire_health import Bond, PeripheralHealth
from gateway import durations, errors, outbox_limits, outbox_listing, outbox_look
from gateway.doctor.examined import Examined
from gateway.doctor.finding import Finding, fault, ok, warning
from gateway.errors import StorageReason
from gateway.outbox_look import Look

_WAITS_LONG: Final = timedelta(hours=1)
_REPAIRED_LATELY: Final = timedelta(days=30)
_LOW_BATTERY_PERCENT: Final = 15
_FAILS_OFTEN: Final = 3


def outbox(examined: Examined) -> list[Finding]:
    """Look at what waits, how much more may, and what was lost."""
    settings = examined.settings
    try:
        look = outbox_look.into(settings.state_folder, 0)
    except errors.OutboxError as error:
        if error.reason is StorageReason.ABSENT:
            return [warning("outbox", "there is none yet", "start the gateway once")]
        return [fault("outbox", str(error), "then start the gateway again")]
    except OSError as error:
        return [
            warning(
                "outbox", f"cannot be looked into ({error.strerror})", "run the doctor with sudo"
            )
        ]
    return [_filling(examined, look), *_repairs(examined, look)]


def _filling(examined: Examined, look: Look) -> Finding:
    fill, limits = look.fill, examined.settings.outbox_limits()
    shown = f"{fill.waiting} records wait, {fill.size_bytes / 2**20:.1f} of {limits.size_bytes / 2**20:.0f} MiB"
    closed = outbox_limits.closure(fill, limits, examined.now)
    if closed is not None:
        return fault("outbox", shown, outbox_limits.words(closed, limits))
    if fill.oldest_waiting_at is not None:
        waits = examined.now - fill.oldest_waiting_at
        shown = f"{shown}, the oldest for {durations.words(waits)}"
        if waits > _WAITS_LONG:
            step = (
                "see “broker” below; if that is well, ask who runs the server whether ingest works"
            )
            return warning("outbox", shown, step)
    return ok("outbox", shown)


def _repairs(examined: Examined, look: Look) -> list[Finding]:
    """Say what repairs there were lately: a memory card that lies once lies again."""
    return [
        warning(
            "outbox repair", outbox_listing.salvage(one), "replace the memory card of this machine"
        )
        for one in look.salvages
        if examined.now - one.found_at < _REPAIRED_LATELY
    ]


def peripherals(examined: Examined) -> list[Finding]:
    """Say how each peripheral is, as the running gateway knows it."""
    if examined.word is None or examined.word.health is None:
        return []
    known = examined.word.health.peripherals
    if not known:
        step = "name them in the settings (peripherals), or let the practice send a list; then pair each"
        return [warning("peripherals", "none is allowed here", step)]
    return [_peripheral(one, examined) for one in known]


def _peripheral(one: PeripheralHealth, examined: Examined) -> Finding:
    name = f"peripheral {one.peripheral}"
    pair = f"“homevitals-gateway pair {one.peripheral}”"
    if one.bond is Bond.LOST:
        return fault(
            name, "it has lost the key it shared with this gateway", f"pair it again: {pair}"
        )
    if one.talked_at is None:
        return warning(name, "it was never read", f"pair it ({pair}), then measure beside the box")
    shown = f"read {durations.words(examined.now - one.talked_at)} ago"
    shown += "" if one.battery_percent is None else f", battery {one.battery_percent} %"
    shown += "" if one.rssi_dbm is None else f", {one.rssi_dbm} dBm"
    if one.failure is not None and one.failures >= _FAILS_OFTEN:
        reason = one.failure.reason.replace("_", " ")
        step = "bring it nearer to the box, change its battery, try again"
        return warning(name, f"{shown}; {one.failures} conversations failed since ({reason})", step)
    if one.battery_percent is not None and one.battery_percent <= _LOW_BATTERY_PERCENT:
        return warning(name, shown, "change its battery")
    return ok(name, shown)
