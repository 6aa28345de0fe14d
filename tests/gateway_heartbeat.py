"""What a gateway says of itself that has a lot to say: much waits, a battery is nearly empty, a store was repaired."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from firmware_profiles.wire_health import (
    AdapterHealth,
    AdapterState,
    Bond,
    Health,
    Machine,
    OutboxHealth,
    PeripheralHealth,
    SalvageReport,
    Software,
    UplinkHealth,
)
from firmware_profiles.wire_record import GatewayClock
from ingest import gateway_health, tenancy
from ingest.gateway_health import Heartbeat
from tests.made_up_practice import Connect

NOW: Final = datetime(2026, 11, 12, 15, 43, tzinfo=UTC)
CUFF: Final = PeripheralHealth(
    "AA:BB:CC:DD:EE:0F", "standard-cuff", NOW, -71, NOW, 9, NOW, Bond.BONDED, None, 0
)
HEALTH: Final = Health(
    software=Software("0.1.0", None, "Debian <12>", None),
    machine=Machine(NOW, GatewayClock.SYNCHRONISED, 10**10, None, None),
    outbox=OutboxHealth(
        "0" * 32,
        None,
        NOW,
        2**20,
        2**26,
        15_552_000,
        None,
        (SalvageReport("1" * 32, NOW, "bad_pages", 3, 5, 2, ((4, 5),)),),
    ),
    uplink=UplinkHealth(NOW, None, None),
    adapters=(AdapterHealth("hci0", AdapterState.UP, NOW, None),),
    peripherals=(CUFF,),
)


def say(connect: Connect, practice_id: UUID, gateway_id: str, at: datetime) -> None:
    """Let a gateway say it at an instant, aware UTC."""
    word = Heartbeat(practice_id, gateway_id, at, at, "b" * 32, 7, HEALTH)
    with (
        connect("homevitals_ingest") as connection,
        tenancy.transaction(connection, practice_id) as cur,
    ):
        gateway_health.note(cur, [word])
