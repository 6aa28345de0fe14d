"""A virtual device of any model, a gateway's radio, and a person who types the code that the device shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from firmware_profiles import decode, models
from firmware_profiles.readings import Decoded
from gateway.adapter import Adapter, opened
from gateway.record import CapturedRecord
from gateway.ward import meter_habits
from tests import pairing
from tests.integration.gateway.test_ward_and_gateway import CUFF, Place

_GLUCOSE = {"readings": "home_glucose_adult_20.csv", "live_from": "1991-05-20T00:00:00"}
_PRESSURE = {"readings": "home_bp_one_adult.csv", "live_from": "2019-05-01T00:00:00"}


class Reader(pairing.Person):
    """Types what the device shows."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    async def ask_passkey(self) -> str:
        return f"{await self._place.peripheral.shown_passkey():06}"


@asynccontextmanager
async def beside(
    folder: Path,
    model: str,
    name: str,
    *,
    person: pairing.Person | None = None,
    habits: dict[str, Any] | None = None,
    **changes: Any,
) -> AsyncIterator[tuple[Place, Adapter]]:
    """Yield the place with the device switched on, and the radio.

    Args:
        model: the virtual device, as in a home file.
        name: what it advertises.
        person: who pairs; by default one who can read the display.
        habits: what it does otherwise than its model.
        changes: settings of its table in a home file.
    """
    place = Place(folder, model)
    readings = _GLUCOSE if model in meter_habits.BY_MODEL else _PRESSURE
    async with place.open(**{"name": name, "backlog_days": 3.0, **readings, **changes}) as here:
        here.peripheral.habits = replace(here.peripheral.habits, **(habits or {}))
        async with radio(here, person) as adapter:
            yield here, adapter


@asynccontextmanager
async def radio(
    here: Place, person: pairing.Person | None = None, state: str = "gateway"
) -> AsyncIterator[Adapter]:
    """Yield a gateway's radio with a pairing window open."""
    with pairing.pairing(CUFF, person or Reader(here)) as desk:
        async with opened(here.gateway_settings(state), desk) as adapter:
            yield adapter


def decoded(record: CapturedRecord) -> Decoded:
    """Decode a record by the profile that it names, as the server will."""
    profile = models.by_id(record.profile_id, record.profile_version)
    return decode.decode_record(profile, record.characteristic, record.raw)


def frames(place: Place) -> list[tuple[str, str]]:
    """Return what the device has stored: characteristic and bytes."""
    records = place.peripheral.memory.contents.records
    return [frame for record in records for frame in record.frames]


def kept(place: Place) -> list[tuple[str, str]]:
    """Return what the gateway has stored."""
    return [(record.characteristic, record.raw.hex()) for record in place.shelf.records]
