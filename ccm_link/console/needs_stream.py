"""Open pages are told what needs their person, as it comes (server-sent events).

An event says how many tasks and how severe, and where to go; nothing of any patient. Session, role and walls are asked
again at every look. Nobody's thread and no pooled connection waits meanwhile.

Source: HTML Living Standard, section 9.2 (server-sent events), 2026.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

import anyio.to_thread
import psycopg
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

from ccm_link.console import needs, problems, security
from ccm_link.console.desk import AtDesk, Desk
from ccm_link.console.entrance import sessions
from ccm_link.console.needs import Needs
from ccm_link.console.posted import inputs
from ccm_link.console.problems import Refused

log = logging.getLogger(__name__)

# How long a call can stand there before an open page says so, and a session can have ended.
_LOOK_S: Final = 3.0
# Proxies close what is silent for a minute.
_HEARTBEAT_S: Final = 15.0
_RETRY_MS: Final = 5_000
# Pages side by side; a browser holds six connections to one server, and needs some of them to load pages.
_MOST_OF_A_PERSON: Final = 4
_MOST_OF_A_PROCESS: Final = 200
_MAKING: Final = threading.Lock()

router = APIRouter(prefix="/needs", include_in_schema=False)


@router.get("/stream", response_class=StreamingResponse)
def stream(desk: AtDesk, asked: Annotated[inputs.NeedsQuery, Query()]) -> StreamingResponse:
    """Say what needs the person now and whenever that changes; for an hour at most.

    The stream is no activity of the person: it ends with the session, also when that ends because nobody did anything.
    """
    if security.comes_from_elsewhere(desk.request.headers):
        raise Refused(problems.CROSS_SITE)
    places = _places(desk.request)
    places.take(desk.staff_id)
    return _Stream(_events(desk, asked.seconds), places, desk.staff_id)


class _Places:
    """How many streams each person has open here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Counter[UUID] = Counter()

    def take(self, staff_id: UUID) -> None:
        """Take a place.

        Raises:
            Refused: 429 for one person's too many, 503 where the process holds no more. The page says the same when it
                is loaded again.
        """
        with self._lock:
            if self._open[staff_id] >= _MOST_OF_A_PERSON:
                raise Refused(problems.TOO_MANY_STREAMS)
            if self._open.total() >= _MOST_OF_A_PROCESS:
                raise Refused(problems.NO_STREAM_LEFT)
            self._open[staff_id] += 1

    def give_back(self, staff_id: UUID) -> None:
        """Give it back."""
        with self._lock:
            self._open[staff_id] -= 1
            self._open += Counter()  # forgets who has none


class _Stream(StreamingResponse):
    """The answer. However it ends, its place is given back."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], places: _Places, staff_id: UUID) -> None:
        super().__init__(events, headers={"X-Accel-Buffering": "no"})
        self._given_back = places, staff_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        places, staff_id = self._given_back
        try:
            await super().__call__(scope, receive, send)
        finally:
            places.give_back(staff_id)


async def _events(desk: Desk, seconds: int) -> AsyncIterator[bytes]:
    """Yield the stream's bytes until it ends; the browser comes back unless it is told that it is signed out."""
    ends_s = time.monotonic() + seconds
    told: Needs | None = None
    spoke_s = 0.0
    while (now_s := time.monotonic()) < ends_s:
        try:
            found = await anyio.to_thread.run_sync(_look, desk)
        except (Refused, psycopg.OperationalError) as error:
            log.warning("stream_ended", extra={"error": type(error).__name__})
            return
        if found is None:
            yield format_sse_event(event="closed", data_str="{}")
            return
        if found != told:
            data = json.dumps(dataclasses.asdict(found))
            yield format_sse_event(retry=_RETRY_MS, event="needs", data_str=data)
            told, spoke_s = found, now_s
        elif now_s - spoke_s >= _HEARTBEAT_S:
            yield format_sse_event(comment="still here")
            spoke_s = now_s
        await asyncio.sleep(min(_LOOK_S, ends_s - now_s))


def _look(desk: Desk) -> Needs | None:
    """Return what needs the person; None where the session has ended or the role changed."""
    if not sessions.still_signed_in(desk.request, desk.who):
        return None
    later = desk.later(desk.who)
    with later.transaction() as cur:
        return needs.of(cur, later.who, later.now)


def _places(request: Request) -> _Places:
    state = request.app.state
    with _MAKING:
        if not hasattr(state, "needs_places"):
            state.needs_places = _Places()
        found: _Places = state.needs_places
    return found
