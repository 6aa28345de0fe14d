"""What all long-running commands share: structured logs, and a clean stop on SIGTERM and SIGINT."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from firmware_profiles import logs


def prepare(level: str = "INFO") -> threading.Event:
    """Set up logging and return the event that a signal sets; the service ends soon after."""
    logs.configure(level)
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    return stop
