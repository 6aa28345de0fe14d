"""Log lines that cannot carry a patient's data.

A line is one JSON object. What gets in is allowed by name and by form: an event name, and of the
extra fields only known keys with numbers, truth values, or short strings without spaces (ids,
reasons, names of modules). Anything else is dropped and counted in ``dropped``. A message that is
not an event name comes from a library and may hold anything, so its text is withheld and its place
in the source is given instead. Of an exception there are the type and the lines of code it passed,
never its text or its locals.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType
from typing import Final
from uuid import UUID

# Ids, counts, durations and states. A key is added here together with the event that needs it;
# never one for content.
ALLOWED_KEYS: Final = frozenset(
    {
        "actionable",
        "adapter",
        "address_type",
        "age_s",
        "alert_rule_id",
        "assignment_id",
        "attempt",
        "attempts",
        "backlog",
        "batch_size",
        "before",
        "boot_id",
        "branch",
        "callback",
        "channel",
        "characteristic",
        "client_id",
        "component",
        "constraint",
        "count",
        "delay_s",
        "duplicate",
        "duration_ms",
        "duration_s",
        "engine",
        "episode_id",
        "epoch",
        "error",
        "exit_code",
        "failed",
        "file",
        "first_seq",
        "gateway_id",
        "generation",
        "held",
        "host",
        "is_authenticated",
        "is_certain",
        "job",
        "kind",
        "last_seq",
        "length",
        "limit",
        "line",
        "link",
        "loops",
        "lost",
        "message_id",
        "method",
        "migration",
        "month",
        "notification_id",
        "not_actionable",
        "number",
        "online",
        "outcome",
        "package",
        "packet_id",
        "patient_days",
        "patient_id",
        "peripheral_id",
        "pid",
        "port",
        "practice_id",
        "profile_id",
        "profile_version",
        "quarantined",
        "queue_id",
        "reading_id",
        "ready",
        "reason",
        "reason_code",
        "request",
        "role",
        "route",
        "rule_id",
        "rung",
        "seq",
        "session_id",
        "session_present",
        "side",
        "signal",
        "sqlstate",
        "staff_id",
        "state",
        "status",
        "status_code",
        "step",
        "stored",
        "task_id",
        "tasks",
        "time_entry_id",
        "topic",
        "unasked_count",
        "unsaved",
        "version",
        "waiting",
        "waiting_records",
        "worker",
    }
)

_EVENT: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.:/@+-]{0,128}")
_MAX_FRAMES: Final = 20  # of one exception; the innermost ones say most
_MAX_CAUSES: Final = 5

# What every LogRecord has by itself; the rest came through `extra`.
_OWN_ATTRIBUTES: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
}


class JsonLines(logging.Formatter):
    """Write a record as one line of JSON: at (UTC), level, logger, event, allowed extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if isinstance(record.msg, str) and not record.args and _EVENT.fullmatch(record.msg):
            line["event"] = record.msg
        else:
            line["event"] = "library_message"
            line["source"] = _place(record.pathname, record.lineno)
        dropped = 0
        for key, entry in record.__dict__.items():
            if key in _OWN_ATTRIBUTES:
                continue
            if key in ALLOWED_KEYS and _is_harmless(entry):
                line[key] = str(entry) if isinstance(entry, str | UUID) else entry
            else:
                dropped += 1
        if dropped:
            line["dropped"] = dropped
        if record.exc_info and record.exc_info[1] is not None:
            line["exceptions"] = _exceptions(record.exc_info[1])
        return json.dumps(line, allow_nan=False)


def configure(level: str) -> None:
    """Send the log of the whole process to stderr, from `level` (`debug` … `critical`) upwards.

    Raises:
        ValueError: there is no such level.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _is_harmless(entry: object) -> bool:
    if entry is None or isinstance(entry, bool | int | UUID):
        return True
    if isinstance(entry, float):
        return math.isfinite(entry)
    return isinstance(entry, str) and _TOKEN.fullmatch(entry) is not None


def _exceptions(error: BaseException) -> list[dict[str, object]]:
    """List an exception and what caused it, outermost first."""
    chain: list[dict[str, object]] = []
    link: BaseException | None = error
    while link is not None and len(chain) < _MAX_CAUSES:
        kind = type(link)
        chain.append(
            {
                "type": f"{kind.__module__}.{kind.__qualname__}",
                "frames": _frames(link.__traceback__),
            }
        )
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain


def _frames(traceback: TracebackType | None) -> list[str]:
    frames: list[str] = []
    while traceback is not None:
        frames.append(_place(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames[-_MAX_FRAMES:]


def _place(path: str, line: int) -> str:
    """Name a line of code by folder, file and number: enough to find it, nothing of the machine."""
    return f"{'/'.join(PurePath(path).parts[-2:])}:{line}"
