"""The gateway's radio: a Bluetooth controller offered over TCP, as a USB dongle would be over USB."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from bumble import hci, ll
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport.common import StreamPacketSink, StreamPacketSource

log = logging.getLogger(__name__)


class Radio(Controller):
    """bumble's controller with a cancel command that does what it says."""

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """End the attempt to connect, and say so.

        Source: Bluetooth Core Specification 5.4, Vol 4 Part E, 7.8.13: a connection complete event with “unknown
        connection identifier” follows. bumble's own answers success and goes on connecting.
        """
        pending = self.pending_le_connection
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def drop_out(self) -> None:
        """Vanish, as a dongle does whose host was killed: the peers' links time out."""
        for connection in list(self.le_connections.values()):
            connection.send_ll_control_pdu(
                ll.TerminateInd(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
            )
        self.le_connections.clear()
        self.link.remove_controller(self)
        self.link = LocalLink()  # type: ignore[no-untyped-call]  # nobody hears it there


class RadioServer:
    """Gives each host that connects a fresh controller on the ward's air.

    There is one radio: a host that starts to talk takes it over from the one before. A connection
    that never says anything (somebody looking whether the port is open) takes nothing.
    """

    def __init__(self, air: LocalLink) -> None:
        self._air = air
        self._host: _HostConnection | None = None
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> int:
        """Listen on a port of 127.0.0.1 (0: any free one) and return it."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _HostConnection(self._air, self._take_over), "127.0.0.1", port
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        log.info("radio_offered", extra={"port": bound})
        return bound

    async def stop(self) -> None:
        """Stop listening and let the radio vanish."""
        if self._server is not None:
            self._server.close()
        if self._host is not None:
            self._host.hang_up()

    def _take_over(self, host: _HostConnection) -> None:
        if self._host is not None:
            self._host.hang_up()
        self._host = host


class _HostConnection(StreamPacketSource):
    """One TCP connection; becomes a host with a controller when its first byte arrives."""

    def __init__(self, air: LocalLink, take_over: Callable[[_HostConnection], None]) -> None:
        super().__init__()
        self._air = air
        self._take_over = take_over
        self._transport: asyncio.WriteTransport | None = None
        self._radio: Radio | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._radio is None:
            self._take_over(self)
            sink = StreamPacketSink(self._transport)
            self._radio = Radio("radio", host_source=self, host_sink=sink, link=self._air)
            log.info("host_attached")
        super().data_received(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Take the controller off the air and close the connection; harmless when repeated."""
        radio, self._radio = self._radio, None
        transport, self._transport = self._transport, None
        if radio is not None:
            radio.drop_out()
            log.info("host_detached")
        if transport is not None:
            transport.close()
