"""What a check found, in words for a technician, and how checks are run: side by side, each with its deadline."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

log = logging.getLogger(__name__)

Check = Callable[[], "list[Finding]"]

_DEADLINE_S: Final = 15.0


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, or nobody can tell, and somebody should look
    FAULT = "fault"  # readings do not arrive, or will not


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        name: the check, always called the same.
        level: how bad it is.
        found: what was found; no secret, nothing about a patient.
        what_to_do: for the person in front of the machine; "" where nothing is to be done.
    """

    name: str
    level: Level
    found: str
    what_to_do: str = ""


def ok(name: str, found: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(name, Level.OK, found)


def warning(name: str, found: str, what_to_do: str) -> Finding:
    """Return that somebody should look."""
    return Finding(name, Level.WARNING, found, what_to_do)


def fault(name: str, found: str, what_to_do: str) -> Finding:
    """Return that something has to be mended."""
    return Finding(name, Level.FAULT, found, what_to_do)


def run(checks: Iterable[tuple[str, Check]], deadline_s: float = _DEADLINE_S) -> Iterator[Finding]:
    """Run checks side by side and yield what they find, in their order.

    A check that hangs (a dead disk, a name server that does not answer) costs its own findings only: its thread is
    left behind, and the process ends without it.
    """
    started = [(name, _started(check)) for name, check in checks]
    for name, answer in started:
        try:
            yield from answer.get(timeout=deadline_s)
        except queue.Empty:
            yield fault(
                name,
                f"no answer within {deadline_s:.0f} s",
                "the part that is looked at hangs: restart the machine, and look at its disk and network",
            )


def _started(check: Check) -> queue.SimpleQueue[list[Finding]]:
    answer: queue.SimpleQueue[list[Finding]] = queue.SimpleQueue()

    def look() -> None:
        try:
            found = check()
        except Exception as error:  # a check that fails must not hide what the others find
            log.exception("check_failed")
            found = [
                fault(
                    "doctor",
                    f"a check failed itself: {type(error).__name__}",
                    "report this with the version and the log; look at what the other lines say",
                )
            ]
        answer.put(found)

    threading.Thread(target=look, daemon=True).start()
    return answer


def as_text(finding: Finding) -> str:
    """Write a finding in one or two lines."""
    line = f"{finding.level.upper():<8} {finding.name}: {finding.found}"
    return f"{line}\n         → {finding.what_to_do}" if finding.what_to_do else line
