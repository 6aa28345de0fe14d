"""How this gateway is, put together for the heartbeat and for whoever stands beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from firmware_profiles import models, wire
from firmware_profiles.wire_health import (
    MAX_RUNS,
    MAX_SALVAGES,
    Closure,
    Machine,
    OutboxHealth,
    SalvageReport,
    Software,
)
from gateway import clock_quality, machine
from gateway.outbox import Outbox
from gateway.outbox_salvage import Salvage
from gateway.radio_journal import RadioJournal
from gateway.roll_call import RollCall
from gateway.uplink_journal import UplinkJournal

# What whoever stands beside the gateway asks for it by; see gateway/control_socket.py.
REQUEST: Final = "health"


@dataclass(slots=True)
class HealthReport:
    """Everything that knows a part of it.

    Attributes:
        outbox: what waits.
        radios: which of them work.
        roll_call: the peripherals.
        uplink: the way to the server.
        allowed: Bluetooth addresses that may be connected to.
        state_folder: on the disk that matters.
        now: the gateway's clock, aware UTC.
        started_at: when this was made.
        profiles: which device profiles this process knows.
        bluez: version of the system's Bluetooth daemon, if there is one.
    """

    outbox: Outbox
    radios: RadioJournal
    roll_call: RollCall
    uplink: UplinkJournal
    allowed: Callable[[], tuple[str, ...]]
    state_folder: Path
    now: Callable[[], datetime]
    started_at: datetime = field(init=False)
    profiles: str = field(init=False)
    bluez: str | None = None

    def __post_init__(self) -> None:
        self.started_at = self.now()
        self.profiles = profile_pack()

    def __call__(self) -> wire.Health:
        """Return how the gateway is now.

        Raises:
            OutboxError: the outbox cannot be read.
        """
        now = self.now()
        return wire.Health(
            software=Software(
                package=machine.printable(machine.package_version()),
                profiles=self.profiles,
                system=machine.system_name(),
                bluez=self.bluez,
            ),
            machine=Machine(
                started_at=self.started_at,
                clock=clock_quality.judge(now),
                disk_free_bytes=machine.disk_free_bytes(self.state_folder),
                temperature_c=machine.temperature_c(),
                resident_bytes=machine.resident_bytes(),
            ),
            outbox=_outbox(self.outbox, self.outbox.closure(now)),
            uplink=self.uplink.report(),
            adapters=self.radios.report(),
            peripherals=self.roll_call.report(self.allowed()),
        )

    def line(self) -> str:
        """Say in one line how it is, for “systemctl status”."""
        uplink, fill = self.uplink.report(), self.outbox.fill()
        closed = self.outbox.closure(self.now())
        way = "connected" if uplink.connected_at else "not connected to the server"
        radios = f"{self.radios.up_count} of {len(self.radios.report())} radios"
        room = f"; takes no records ({closed})" if closed else ""
        return f"{way}, {radios}, {fill.waiting} records wait{room}"


def profile_pack() -> str:
    """Return how many device profiles this process knows, and a mark that is the same wherever the same are known."""
    names = sorted((one.profile_id, one.version) for one in models.known().versions)
    mark = hashlib.sha256(repr(names).encode()).hexdigest()[:8]
    return f"{len(names)} ({mark})"


def answer(status: wire.GatewayStatus) -> Mapping[str, object]:
    """Write a status for the control socket; repairs of the outbox are left out, whoever asks can look at them."""
    if status.health is not None:
        outbox = replace(status.health.outbox, salvages=())
        status = replace(status, health=replace(status.health, outbox=outbox))
    return {"status": json.loads(wire.encode_status(status))}


def _outbox(outbox: Outbox, closed: Closure | None) -> OutboxHealth:
    fill = outbox.fill()
    return OutboxHealth(
        epoch=outbox.epoch,
        oldest_waiting_at=fill.oldest_waiting_at,
        last_receipt_at=fill.last_receipt_at,
        size_bytes=fill.size_bytes,
        size_limit_bytes=outbox.limits.size_bytes,
        age_limit_s=int(outbox.limits.age.total_seconds()),
        closed=closed,
        salvages=tuple(_salvage(one) for one in outbox.salvages()[-MAX_SALVAGES:]),
    )


def _salvage(one: Salvage) -> SalvageReport:
    return SalvageReport(
        epoch=one.epoch,
        found_at=one.found_at,
        reason=one.reason,
        saved=one.saved,
        highest_seq=one.highest_seq,
        unsaved_count=one.unsaved_count,
        unsaved=one.unsaved[:MAX_RUNS],
    )
