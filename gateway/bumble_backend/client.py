"""bleak's client on bumble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bleak import exc
from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bumble import att, gatt_client, hci
from bumble.device import Connection

from gateway.bumble_backend.failures import as_bleak_errors
from gateway.bumble_backend.radio import Radio
from gateway.bumble_backend.scanner import uuid_text

_ATT_OVERHEAD_BYTES: Final = 3
_WANTED_MTU: Final = 517  # the largest attribute fits in one packet


class PatientGattClient(gatt_client.Client):
    """A GATT client that never confirms an indication nobody has received.

    A bonded peripheral remembers that it may indicate and can do so the moment the link is encrypted, before anybody
    has subscribed. bumble's client would confirm it into the void, and the peripheral would count the record as
    delivered. Here it waits unconfirmed (ATT allows 30 s) until a subscriber is there.
    """

    def __init__(self, bearer: att.Bearer) -> None:
        super().__init__(bearer)
        self._early: dict[int, att.ATT_Handle_Value_Indication] = {}

    def on_att_handle_value_indication(self, indication: att.ATT_Handle_Value_Indication) -> None:
        """Call the subscribers and then confirm, or keep the indication if there are none yet."""
        if self.indication_subscribers.get(indication.attribute_handle):
            super().on_att_handle_value_indication(indication)
        else:
            self._early[indication.attribute_handle] = indication

    def deliver_early(self, handle: int) -> None:
        """Deliver what came before its subscriber did."""
        indication = self._early.pop(handle, None)
        if indication is not None:
            self.on_att_handle_value_indication(indication)


class BumbleClient(BaseBleakClient):
    """One connection to one peripheral."""

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        radio: Radio,
        **_others: Any,
    ) -> None:
        """Take bleak's arguments; `radio` comes through its keyword arguments for backends.

        Only a device that was found by `BumbleScanner` can be connected: an address alone does not say whether it is
        public or random.
        """
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        self._radio = radio
        self._peer = (
            address_or_ble_device.details if isinstance(address_or_ble_device, BLEDevice) else None
        )
        self._connection: Connection | None = None
        self._gatt_client: PatientGattClient  # with the connection
        self._disconnect_reason = hci.HCI_SUCCESS

    @property
    def mtu_size(self) -> int:
        """Return the ATT MTU of the connection in bytes."""
        return int(self._connected().att_mtu)

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._connection is not None

    async def connect(self, pair: bool, **_others: Any) -> None:
        """Connect, encrypt the link if there is a bond (or make one if `pair`), and discover the services.

        Encryption comes first: some peripherals take a discovery by an unbonded host for an attack.

        Raises:
            BleakDeviceNotFoundError: the device does not come from this backend's scanner.
            BleakError: it does not answer, or pairing failed.
        """
        if not isinstance(self._peer, hci.Address):
            raise exc.BleakDeviceNotFoundError(self.address)
        device = self._radio.device
        with as_bleak_errors():
            connection = await device.connect_le(self._peer, timeout=self._timeout)
        self._gatt_client = PatientGattClient(connection)
        connection.gatt_client = self._gatt_client
        self._connection = connection
        self._disconnect_reason = hci.HCI_SUCCESS
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)
        try:
            if await self._has_bond():
                await self._encrypt(is_replaceable=pair)
            elif pair:
                await self.pair()
            with as_bleak_errors():
                await connection.gatt_client.request_mtu(_WANTED_MTU)
                self.services = await _discover(connection)
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """Hang up; harmless if the link is already down."""
        if self._connection is not None and not self._radio.lost.done():
            with as_bleak_errors():
                await self._connection.disconnect()

    async def pair(self, *_arguments: Any, **_others: Any) -> None:
        """Pair and bond; a bond of before is replaced.

        Raises:
            BleakGATTProtocolError: INSUFFICIENT_AUTHENTICATION, the peripheral does not pair, or we do not.
        """
        with as_bleak_errors():
            await self._connected().pair()

    async def _encrypt(self, *, is_replaceable: bool) -> None:
        """Encrypt the link with the bond's key.

        Args:
            is_replaceable: Whether to forget a key that the peripheral does not have, so that the next attempt pairs.

        Raises:
            BleakGATTProtocolError: INSUFFICIENT_AUTHENTICATION, the two sides do not share a key.
        """
        try:
            await self._use_key()
        except exc.BleakGATTProtocolError:
            keystore = self._radio.device.keystore
            if is_replaceable and keystore is not None:
                await keystore.delete(str(self._peer))
            raise

    async def _use_key(self) -> None:
        connection = self._connected()
        try:
            with as_bleak_errors():
                if not connection.is_encrypted:
                    await connection.encrypt()
        except exc.BleakError:
            if self._disconnect_reason == hci.HCI_CONNECTION_TERMINATED_DUE_TO_MIC_FAILURE_ERROR:
                code = exc.BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION
                raise exc.BleakGATTProtocolError(code) from None
            raise

    async def unpair(self) -> None:
        """Forget the bond and hang up."""
        keystore = self._radio.device.keystore
        if keystore is not None and await self._has_bond():
            await keystore.delete(str(self._peer))
        await self.disconnect()

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **_others: Any
    ) -> bytearray:
        """Read a characteristic."""
        self._connected()
        with as_bleak_errors():
            return bytearray(await characteristic.obj.read_value())

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, **_others: Any
    ) -> bytearray:
        """Read a descriptor."""
        self._connected()
        with as_bleak_errors():
            return bytearray(await descriptor.obj.read_value())

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write a characteristic, with or without waiting for the answer."""
        self._connected()
        with as_bleak_errors():
            await characteristic.obj.write_value(bytes(data), with_response=response)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor."""
        self._connected()
        with as_bleak_errors():
            await descriptor.obj.write_value(bytes(data), with_response=True)

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_others: Any
    ) -> None:
        """Subscribe. An indication is confirmed after `callback` has returned, and not at all if it raises."""
        self._connected()
        with as_bleak_errors():
            await characteristic.obj.subscribe(lambda content: callback(bytearray(content)))
        self._gatt_client.deliver_early(characteristic.handle)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        self._connected()
        with as_bleak_errors():
            await characteristic.obj.unsubscribe()

    async def _has_bond(self) -> bool:
        keystore = self._radio.device.keystore
        return keystore is not None and await keystore.get(str(self._peer)) is not None

    def _connected(self) -> Connection:
        if self._connection is None:
            raise exc.BleakError("the peripheral is not connected")
        return self._connection

    def _on_disconnection(self, reason: int) -> None:
        self._connection = None
        self._disconnect_reason = reason
        if self._disconnected_callback is not None:
            self._disconnected_callback()


async def _discover(connection: Connection) -> BleakGATTServiceCollection:
    client = connection.gatt_client
    services = BleakGATTServiceCollection()
    for service_proxy in await client.discover_services():
        service = BleakGATTService(
            service_proxy, service_proxy.handle, uuid_text(service_proxy.uuid)
        )
        services.add_service(service)
        for proxy in await client.discover_characteristics((), service_proxy):
            characteristic = BleakGATTCharacteristic(
                proxy,
                proxy.handle,
                uuid_text(proxy.uuid),
                list(gatt_char_props_to_strs(int(proxy.properties))),
                lambda: connection.att_mtu - _ATT_OVERHEAD_BYTES,
                service,
            )
            services.add_characteristic(characteristic)
            for descriptor_proxy in await client.discover_descriptors(proxy):
                uuid = uuid_text(descriptor_proxy.type)
                services.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor_proxy, descriptor_proxy.handle, uuid, characteristic
                    )
                )
    return services
