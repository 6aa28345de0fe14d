"""The stream of new readings (server-sent events): what arrives for a practice or one patient, as it arrives.

The person's session, role and walls are asked again for every batch, and every few seconds while nothing comes; each
batch is written into the audit trail before it is sent. Nobody's thread and no pooled connection waits meanwhile.

Source: HTML Living Standard, section 9.2 (server-sent events), 2026.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import anyio.to_thread
import psycopg
from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from ccm_link.console import arrival_watch, patient_head, problems, security, surroundings
from ccm_link.console.arrival_feed import OVERLAP
from ccm_link.console.arrival_watch import ArrivalWatch, Subscription
from ccm_link.console.desk import AtDesk, Desk
from ccm_link.console.entrance import sealing, sessions
from ccm_link.console.entrance.sealing import Purpose, Seal
from ccm_link.console.json_api import api_models, reading_models
from ccm_link.console.posted import inputs
from ccm_link.console.problems import Refused
from firmware_profiles.readings import Kind
from ingest import reading_arrivals, tenancy
from ingest.reading_arrivals import Arrival

log = logging.getLogger(__name__)

# One transaction and one line of the trail each.
_BATCH: Final = 100
# How long a session that ended, a role that changed or an account that closed can go unnoticed.
_CHECK_S: Final = 2.0
# Proxies close what is silent for a minute.
_HEARTBEAT_S: Final = 15.0
# Where the connection was lost, browsers come back after this time.
_RETRY_MS: Final = 3_000
_POSITION_LASTS: Final = timedelta(hours=1)
# Arrivals that are looked up for somebody whose place this process does not know; more are a gap.
_MOST_CAUGHT_UP: Final = 2_000

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events: “opened” with the codes, “reading” with one reading each, “gap” where some were not "
        "sent and have to be fetched, “closed” with a reason at the end. Lines that begin with a colon keep the "
        "connection open. After the connection was lost, Last-Event-ID goes on behind the last event; where the server "
        "was started again meanwhile, readings of the minute before may come twice: their ids tell.",
        "content": {
            "text/event-stream": {
                # Of one event.
                "schema": {
                    "type": "object",
                    "properties": {
                        "event": {"enum": ["opened", "reading", "gap", "closed"]},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                        "id": {"type": "string"},
                        "retry": {"type": "integer"},
                    },
                    "required": ["event", "data"],
                },
                "example": {
                    "event": "reading",
                    "data": '{"reading_id": "6f1c2f8e-…", "systolic_mmhg": 131, …}',
                    "id": "w1Xk…",
                },
            }
        },
    },
    400: {"model": api_models.ProblemDocument},
    503: {"model": api_models.ProblemDocument},
}
router = APIRouter(prefix="/api/v1", responses=api_models.REFUSALS)


class Opened(BaseModel):
    """The first event: since when arrivals are told, and the codes of what readings hold."""

    since: datetime
    codes: dict[str, reading_models.Code]


class Gap(BaseModel):
    """More arrived than a stream holds: what was stored since then may not have been sent."""

    since: datetime
    what_to_do: str = (
        "Fetch the readings of the patients that matter; the stream goes on from here."
    )


class Closed(BaseModel):
    """The last event, with why the stream ends."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a stream was: in which feed, before which number; what is missing was stored then or later."""

    mark: str
    number: int
    stored_at: datetime


@router.get("/readings/stream", responses=_REFUSALS, response_class=StreamingResponse)
def stream(
    desk: AtDesk,
    asked: Annotated[inputs.StreamQuery, Query()],
    last_event_id: Annotated[inputs.Sealed | None, Header()] = None,
) -> StreamingResponse:
    """Send each reading of the practice, or of one patient, when it has arrived; for an hour at most.

    The stream is no activity of the person: it ends with the session, also when that ends because nobody did anything.
    """
    request = desk.request
    if security.comes_from_elsewhere(request.headers):
        raise Refused(problems.CROSS_SITE)
    seal = sealing.lasting(request) or sealing.passing(request)
    bound_to = f"{desk.practice_id} {asked.patient_id}"
    former = None if last_event_id is None else _opened(seal, last_event_id, desk.now, bound_to)
    with desk.transaction() as cur:
        followed = () if asked.patient_id is None else (asked.patient_id,)
        for patient_id in followed:
            patient_head.load(cur, desk, patient_id)
        desk.saw(*followed, stream="opened")
    watch = arrival_watch.of(request)
    with surroundings.of(request).pool.connection() as connection, connection.cursor() as own:
        tenancy.enter(own, tenancy.Scope((desk.practice_id,)))
        subscription = _joined(watch, own, desk, former)
        missed = _missed(own, desk.practice_id, subscription, former)
    told = _Told(desk, asked, subscription, seal, bound_to)
    return _Stream(told.events(watch, missed, last_event_id), watch, subscription)


def _joined(
    watch: ArrivalWatch, cur: psycopg.Cursor[Any], desk: Desk, former: _Position | None
) -> Subscription:
    place = None if former is None else (former.mark, former.number)
    try:
        return watch.join(cur, desk.who, place)
    except arrival_watch.TooManyOfAPerson:
        raise Refused(problems.TOO_MANY_STREAMS) from None
    except arrival_watch.TooManyAtAll:
        raise Refused(problems.NO_STREAM_LEFT) from None


def _missed(
    cur: psycopg.Cursor[Any],
    practice_id: UUID,
    subscription: Subscription,
    former: _Position | None,
) -> list[Arrival] | None:
    """Return what arrived since a position that this process does not know; None where that is too much.

    It may have been sent before: of the overlap nobody knows. Twice is better than never.
    """
    if former is None or former.mark == subscription.feed.mark:
        return []
    since_at = former.stored_at - OVERLAP
    found = reading_arrivals.stored_since(cur, practice_id, since_at, _MOST_CAUGHT_UP + 1)
    return found if len(found) <= _MOST_CAUGHT_UP else None


class _Stream(StreamingResponse):
    """The answer. However it ends, its place is given back."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncIterator[bytes], watch: ArrivalWatch, subscription: Subscription
    ) -> None:
        super().__init__(events, headers={"X-Accel-Buffering": "no"})
        self._watch, self._subscription = watch, subscription

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watch.leave(self._subscription)


class _Told:
    """What one stream tells."""

    def __init__(
        self,
        desk: Desk,
        asked: inputs.StreamQuery,
        subscription: Subscription,
        seal: Seal,
        bound_to: str,
    ) -> None:
        self._desk, self._asked, self._subscription = desk, asked, subscription
        self._seal, self._bound_to = seal, bound_to
        self._sent_before: frozenset[UUID] = frozenset()
        self._complete_until = desk.now
        self._arrived = asyncio.Event()

    async def events(
        self, watch: ArrivalWatch, missed: list[Arrival] | None, last_event_id: str | None
    ) -> AsyncIterator[bytes]:
        """Yield the stream's bytes until it ends."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the server stopped meanwhile
                loop.call_soon_threadsafe(self._arrived.set)

        self._subscription.wake = wake
        ends_s = time.monotonic() + self._asked.seconds
        opened = Opened(since=self._desk.now, codes=reading_models.codes_of(*Kind))
        yield format_sse_event(retry=_RETRY_MS, event="opened", data_str=opened.model_dump_json())
        try:
            async for piece in self._caught_up(missed, last_event_id):
                yield piece
            async for piece in self._live(watch, ends_s):
                yield piece
            reason = "time_is_over"
        except _SignedOut:
            reason = "signed_out"
        except (Refused, psycopg.OperationalError) as error:
            # The trail or the database is away: nothing more is shown until the client asks again.
            log.warning("stream_ended", extra={"error": type(error).__name__})
            reason = "unavailable"
        yield format_sse_event(event="closed", data_str=Closed(reason=reason).model_dump_json())

    async def _caught_up(
        self, missed: list[Arrival] | None, last_event_id: str | None
    ) -> AsyncIterator[bytes]:
        """Yield what was missed. Until all of it is sent, the client's own position stays the one to come back to."""
        if missed is None:
            yield self._gap(self._desk.now - _POSITION_LASTS)
            return
        for start in range(0, len(missed), _BATCH):
            for reading in await self._seen(missed[start : start + _BATCH]):
                is_last = reading.reading_id == missed[-1].reading_id
                yield self._event(reading, self._here() if is_last else last_event_id)
        self._sent_before = frozenset(one.reading_id for one in missed)

    async def _live(self, watch: ArrivalWatch, ends_s: float) -> AsyncIterator[bytes]:
        spoke_s = checked_s = time.monotonic()
        while (now_s := time.monotonic()) < ends_s:
            if now_s - checked_s >= _CHECK_S:
                await self._check_session()
                checked_s = time.monotonic()
            self._arrived.clear()
            looked_at, first = self._subscription.feed.looked_at, self._subscription.number
            batch = watch.take(self._subscription, _BATCH)
            if batch is None:
                yield self._gap(self._complete_until - OVERLAP)
                self._complete_until = looked_at
            elif batch:
                places = {one.reading_id: (first + n, one) for n, one in enumerate(batch, start=1)}
                for reading in await self._seen(batch):
                    number, arrival = places[reading.reading_id]
                    stored_at = min(arrival.stored_at, looked_at)
                    yield self._event(reading, self._position(number, stored_at))
                    spoke_s = time.monotonic()
            else:
                self._complete_until = looked_at
                if now_s - spoke_s >= _HEARTBEAT_S:
                    yield format_sse_event(comment="still here")
                    spoke_s = now_s
                await self._wait(min(_CHECK_S, ends_s - now_s))

    async def _wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            pass

    async def _seen(self, batch: Sequence[Arrival]) -> list[reading_models.Reading]:
        """Return the readings of a batch that the person may see now, once the trail has them."""
        wanted = [one for one in batch if self._is_wanted(one)]
        return await anyio.to_thread.run_sync(self._look, wanted) if wanted else []

    def _is_wanted(self, arrival: Arrival) -> bool:
        is_his = self._asked.patient_id in {None, arrival.patient_id}
        return is_his and arrival.reading_id not in self._sent_before

    def _look(self, wanted: Sequence[Arrival]) -> list[reading_models.Reading]:
        self._check_session_now()
        desk = self._desk.later(self._desk.who)
        with desk.transaction() as cur:
            found = reading_arrivals.arrived(cur, desk.practice_id, wanted)
            patients = [one.patient_id for one in found if one.patient_id is not None]
            desk.saw(*patients, stream="sent", readings=len(found))
        return [reading_models.Reading.model_validate(one) for one in found]

    async def _check_session(self) -> None:
        await anyio.to_thread.run_sync(self._check_session_now)

    def _check_session_now(self) -> None:
        if not sessions.still_signed_in(self._desk.request, self._desk.who):
            raise _SignedOut

    def _event(self, reading: reading_models.Reading, position: str | None) -> bytes:
        return format_sse_event(event="reading", data_str=reading.model_dump_json(), id=position)

    def _gap(self, since: datetime) -> bytes:
        data = Gap(since=since).model_dump_json()
        return format_sse_event(event="gap", data_str=data, id=self._here())

    def _here(self) -> str:
        return self._position(self._subscription.number, self._complete_until)

    def _position(self, number: int, stored_at: datetime) -> str:
        """Seal a place of this stream: before an arrival's number; what follows was stored then or a little before."""
        note = {
            "mark": self._subscription.feed.mark,
            "number": number,
            "stored_at": stored_at.isoformat(),
        }
        until = surroundings.of(self._desk.request).clock() + _POSITION_LASTS
        return self._seal.close_note(Purpose.POSITION, note, until, self._bound_to)


class _SignedOut(Exception):
    """The session ended, the role changed or the account was closed."""


def _opened(seal: Seal, text: str, now: datetime, bound_to: str) -> _Position:
    """Return a position that a client hands back.

    Raises:
        Refused: 400; it was changed, belongs to another practice or patient, or is too old.
    """
    note = seal.open_note(Purpose.POSITION, text, now, bound_to)
    if note is None:
        raise Refused(problems.BAD_POSITION)
    return _Position(note["mark"], note["number"], datetime.fromisoformat(note["stored_at"]))
