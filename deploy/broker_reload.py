"""Make the broker read its revocation list again, by starting it again.

Mosquitto 2.0 reads its lists on SIGHUP too, but must not be asked to: a client that is away and was known by its
certificate is then sent off a second time, which enters its session twice into the list of expiries, loses messages
that wait for it, and later ends the sessions of others by the entry that is left over. Seen on 2.0.11; by its source
(src/security_default.c, src/session_expiry.c) the same up to 2.0.22, and prevented from 2.1 on. A restart costs every
client a second, keeps sessions and messages, and ends handshakes that began by the old list.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy import errors
from deploy.broker_settings import GuardSettings

_COMMAND_TIMEOUT_S: Final = 60.0
_BACK_WITHIN_S: Final = 30.0
_POLL_S: Final = 0.1
_PROGRAM: Final = "mosquitto"


def has_read(pid_file: Path, list_file: Path) -> bool:
    """Tell whether the broker started after the list was written; False where that cannot be seen.

    Mosquitto writes its pid_file before it reads the list.
    """
    try:
        return pid_file.stat().st_mtime_ns > list_file.stat().st_mtime_ns
    except OSError:
        return False


def reload(settings: GuardSettings) -> None:
    """Make the broker read its files, and wait until it listens again.

    Raises:
        BrokerAway: it is not running, cannot be told, or did not come back.
    """
    match settings.reload_by:
        case "command":
            _run(settings.reload_command)
        case "sigterm":
            pid = _signal(settings.pid_file, signal.SIGTERM)
            _wait_until(lambda: not _is_broker(pid))
        case _:
            _signal(settings.pid_file, signal.SIGHUP)
    _wait_until(lambda: _is_listening(settings.broker_host, settings.broker_port))


def _signal(pid_file: Path, number: signal.Signals) -> int:
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise errors.BrokerAway(
            "Mosquitto has not written pid_file; start it, and check pid_file in [guard]"
        ) from error
    # The number may meanwhile belong to something else.
    if not _is_broker(pid):
        raise errors.BrokerAway("Mosquitto is not running; start it")
    try:
        os.kill(pid, number)
    except ProcessLookupError as error:
        raise errors.BrokerAway from error
    except PermissionError as error:
        raise errors.BrokerAway(
            'the guard may not signal the broker; run it as the broker\'s user, or use reload_by = "command"'
        ) from error
    return pid


def _is_broker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == _PROGRAM
    return False


def _is_listening(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
        return True
    return False


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _BACK_WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            raise errors.BrokerAway(
                "the broker did not come back; does anybody start it again when it ends?"
            )
        time.sleep(_POLL_S)


def _run(command: tuple[str, ...]) -> None:
    try:
        subprocess.run(  # noqa: S603 - the administrator's own words, and no shell
            command, check=True, timeout=_COMMAND_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise errors.BrokerAway(
            "reload_command failed; run it by hand as the guard's user to see why"
        ) from error
