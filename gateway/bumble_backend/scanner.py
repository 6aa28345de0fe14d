"""bleak's scanner on bumble."""

from __future__ import annotations

from typing import Any

from bleak.assigned_numbers import AdvertisementDataType as Field
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.uuids import normalize_uuid_str
from bumble.core import UUID
from bumble.device import Advertisement

from gateway.bumble_backend.failures import as_bleak_errors
from gateway.bumble_backend.radio import Radio

_UUID_LISTS = {
    Field.INCOMPLETE_LIST_SERVICE_UUID16: 2,
    Field.COMPLETE_LIST_SERVICE_UUID16: 2,
    Field.INCOMPLETE_LIST_SERVICE_UUID32: 4,
    Field.COMPLETE_LIST_SERVICE_UUID32: 4,
    Field.INCOMPLETE_LIST_SERVICE_UUID128: 16,
    Field.COMPLETE_LIST_SERVICE_UUID128: 16,
}


class BumbleScanner(BaseBleakScanner):
    """Reports every advertisement that the radio hears while it is started."""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        *,
        radio: Radio,
        **_others: Any,
    ) -> None:
        """Take bleak's arguments; `radio` comes through its keyword arguments for backends."""
        super().__init__(detection_callback, service_uuids)
        self._radio = radio
        self._is_active = scanning_mode == "active"

    async def start(self) -> None:
        """Start scanning."""
        self.seen_devices = {}
        device = self._radio.device
        device.on(device.EVENT_ADVERTISEMENT, self._on_advertisement)
        with as_bleak_errors():
            await device.start_scanning(active=self._is_active)

    async def stop(self) -> None:
        """Stop scanning; harmless if the radio is gone."""
        device = self._radio.device
        device.remove_listener(device.EVENT_ADVERTISEMENT, self._on_advertisement)
        if not self._radio.lost.done():
            with as_bleak_errors():
                await device.stop_scanning()

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        found = _advertisement_data(advertisement)
        if not self.is_allowed_uuid(found.service_uuids):
            return
        address = advertisement.address.to_string(with_type_qualifier=False)
        device = self.create_or_update_device(
            address, address, found.local_name, advertisement.address, found
        )
        self.call_detection_callbacks(device, found)


def uuid_text(uuid: UUID) -> str:
    """Write a UUID the way bleak does: 36 lower-case characters."""
    return normalize_uuid_str(uuid.to_hex_str("-"))


def _advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    name: str | None = None
    tx_power: int | None = None
    uuids: list[str] = []
    manufacturer: dict[int, bytes] = {}
    for number, content in advertisement.data.ad_structures:
        kind = int(number)
        if kind in _UUID_LISTS:
            size = _UUID_LISTS[Field(kind)]
            uuids += [
                uuid_text(UUID.from_bytes(content[start : start + size]))
                for start in range(0, len(content) - size + 1, size)
            ]
        elif kind in (Field.SHORTENED_LOCAL_NAME, Field.COMPLETE_LOCAL_NAME):
            name = content.decode("utf-8", errors="replace")
        elif kind == Field.TX_POWER_LEVEL and len(content) == 1:
            tx_power = int.from_bytes(content, "little", signed=True)
        elif kind == Field.MANUFACTURER_SPECIFIC_DATA and len(content) >= 2:
            manufacturer[int.from_bytes(content[:2], "little")] = bytes(content[2:])
    return AdvertisementData(
        local_name=name,
        manufacturer_data=manufacturer,
        service_data={},
        service_uuids=sorted(set(uuids)),
        tx_power=tx_power,
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )
