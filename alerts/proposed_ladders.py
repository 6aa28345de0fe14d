"""Ladders that a page proposes where a practice has none yet. None holds before an administrator has set it. Pure.

The times are ours: no guideline names them. What is urgent cannot wait for more than minutes, and what is clinical for
no more than a working day, as the tasks' own due times say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from alerts.channels.message import Channel
from alerts.ladders import Rung, Whom
from alerts.measures import Severity

_LOUD: Final = (Channel.CONSOLE, Channel.EMAIL, Channel.SMS)
_QUIET: Final = (Channel.CONSOLE, Channel.EMAIL)

PROPOSED: Final[Mapping[Severity, tuple[Rung, ...]]] = {
    Severity.URGENT: (
        Rung(timedelta(minutes=0), Whom.OWNER, _LOUD),
        Rung(timedelta(minutes=10), Whom.COVER, _LOUD),
        Rung(timedelta(minutes=20), Whom.CLINICIAN_ON_CALL, _LOUD),
        Rung(timedelta(minutes=30), Whom.PRACTICE_LINE, _LOUD),
    ),
    Severity.CLINICAL: (
        Rung(timedelta(minutes=0), Whom.OWNER, (Channel.CONSOLE,)),
        Rung(timedelta(hours=4), Whom.COVER, _QUIET),
        Rung(timedelta(hours=24), Whom.PRACTICE_LINE, _QUIET),
    ),
}
