"""Asking the running gateway of this machine, through its control socket."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from firmware_profiles import strict_json
from firmware_profiles.errors import WireError
from gateway import errors
from gateway.control_socket import MOST_LINE_BYTES, NAME, Members

# What has no waiting in it is answered at once; a gateway that does not answer by then hangs.
_TIMEOUT_S: Final = 30.0


class Request:
    """One request, under way. Lines come in the order of :mod:`gateway.control_socket`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    def wait(self, other: int) -> bool:
        """Wait until the gateway says something, or a file descriptor can be read; return whether the gateway does."""
        if b"\n" in self._received:
            return True
        ours = self._connection.fileno()
        readable, _, _ = select.select([ours, other], [], [])
        return ours in readable

    def say(self, members: Members) -> None:
        """Send one line.

        Raises:
            GatewayAwayError: the gateway has ended.
        """
        try:
            self._connection.sendall(json.dumps(members).encode() + b"\n")
        except OSError as error:
            raise _ended() from error

    def next_line(self) -> Members:
        """Return the gateway's next line.

        Raises:
            ControlError: it refuses, with its words.
            GatewayAwayError: it has ended, or says nothing.
        """
        try:
            members = strict_json.parse_object(self._line(), max_bytes=MOST_LINE_BYTES)
        except (OSError, WireError) as error:
            raise _ended() from error
        if "refused" in members:
            raise errors.ControlError(str(members["refused"]))
        return members

    def _line(self) -> bytes:
        while b"\n" not in self._received and len(self._received) <= MOST_LINE_BYTES:
            more = self._connection.recv(MOST_LINE_BYTES)
            if not more:
                break
            self._received += more
        line, _, self._received = self._received.partition(b"\n")
        return line


@contextlib.contextmanager
def asking(
    state_folder: Path, members: Members, timeout_s: float = _TIMEOUT_S
) -> Iterator[Request]:
    """Send a request to the gateway that works in a state folder; leaving takes it back.

    Args:
        state_folder: The running gateway's.
        members: `do` and what belongs to it.
        timeout_s: How long the gateway may be silent.

    Raises:
        GatewayAwayError: no gateway runs there, or this user may not ask it.
    """
    path = state_folder / NAME
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
        except PermissionError as error:
            raise errors.GatewayAwayError(
                f"this user may not ask the gateway: run the command as the user that the gateway runs as ({path})"
            ) from error
        except OSError as error:
            raise errors.GatewayAwayError(
                f"the gateway does not run: nothing answers at {path}. Start its service (“systemctl start"
                " homevitals-gateway”), or “homevitals-gateway run” beside this, then try again"
            ) from error
        request = Request(connection)
        request.say(members)
        yield request


def answer(state_folder: Path, members: Members) -> Members:
    """Return the answer to a request in which nothing has to be asked or waited for.

    Raises:
        ControlError: the gateway refuses, with its words.
        GatewayAwayError: no gateway runs there, or it ended meanwhile.
    """
    with asking(state_folder, members) as request:
        found = request.next_line().get("answer")
    if not isinstance(found, dict):
        raise _ended()
    return found


def _ended() -> errors.GatewayAwayError:
    return errors.GatewayAwayError(
        "the gateway has stopped answering; look at its log, then try again"
    )
