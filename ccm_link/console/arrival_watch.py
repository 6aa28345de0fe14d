"""One look-out for all streams of new readings: a thread and a connection that are there while somebody waits.

Ingest's commit wakes it; what nobody was told about is found by a look every second. It knows of each practice that
somebody waits for only that something arrived and whose it is. What it is, each stream reads for itself, in the scope
of the person who waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from fastapi import Request

from ccm_link.console import surroundings
from ccm_link.console.arrival_feed import MOST_REMEMBERED, ArrivalFeed
from ingest import lasting_connection, reading_arrivals, tenancy
from ingest.people import SignedIn
from ingest.reading_arrivals import Arrival

log = logging.getLogger(__name__)

Cursor = psycopg.Cursor[Any]

# Three pages side by side; a program needs one. All together stay far below the connections that the server takes.
MOST_OF_A_PERSON: Final = 3
MOST_OF_A_PROCESS: Final = 100
# Practices whose feed is kept while nobody waits, so that who comes back finds its place.
_MOST_FEEDS: Final = 50

_POLL_S: Final = 1.0
# Batches that commit one right after the other are looked at together. A search over two years of history takes 3 ms in
# monthly partitions and 47 ms in weekly chunks (600 000 readings, two cores); however many practices are waited for,
# the look-out rests as long as it searched.
_PAUSE_S: Final = 0.1
_SESSION_OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=10s -c idle_in_transaction_session_timeout=30s"
    " -c application_name=homevitals_arrivals"
)
_MAKING: Final = threading.Lock()


class TooManyOfAPerson(Exception):
    """The person has as many streams open as anybody may."""


class TooManyAtAll(Exception):
    """The process has as many streams open as it holds."""


class Subscription:
    """One stream's place in the feed of its practice.

    Attributes:
        number: Of the next arrival that it has not taken.
        wake: Called from the look-out's thread when something arrived; set by the stream.
    """

    def __init__(self, practice_id: UUID, account_id: str, feed: ArrivalFeed) -> None:
        self.practice_id, self.account_id, self.feed = practice_id, account_id, feed
        self.number = feed.end
        self.wake: Callable[[], None] = lambda: None


class ArrivalWatch:
    """The look-out of one process."""

    def __init__(self, conninfo: str, clock: Callable[[], datetime]) -> None:
        self._conninfo, self._clock = conninfo, clock
        # Of what is held in memory. The event loop waits for it, so nobody keeps it while the database is asked.
        self._lock = threading.Lock()
        # One search after the other: an older answer that came after a newer one would look like news.
        self._searching = threading.Lock()
        self._feeds: dict[UUID, ArrivalFeed] = {}
        self._waiting: set[Subscription] = set()
        self._stop: threading.Event | None = None

    def join(self, cur: Cursor, who: SignedIn, place: tuple[str, int] | None) -> Subscription:
        """Begin to wait for what arrives for a person's practice from now on, or from a place on.

        Args:
            cur: In a transaction that works for the practice alone: the feed is the same for all who wait.
            who: Who waits.
            place: Mark and number where a former stream was; it counts where the feed still has that mark.

        Raises:
            TooManyOfAPerson: the person has too many streams already.
            TooManyAtAll: the process has.
        """
        joined = self._reserve(who)
        try:
            self._search(cur, joined.practice_id, joined.feed)
        except BaseException:
            self.leave(joined)
            raise
        with self._lock:
            is_known = place is not None and place[0] == joined.feed.mark
            joined.number = place[1] if place is not None and is_known else joined.feed.end
            if self._stop is None:
                self._stop = threading.Event()
                threading.Thread(
                    target=self._run, args=(self._stop,), name="arrival-watch", daemon=True
                ).start()
        return joined

    def leave(self, subscription: Subscription) -> None:
        """Wait no longer; the last one who leaves ends the thread and its connection."""
        with self._lock:
            self._waiting.discard(subscription)
            if not self._waiting and self._stop is not None:
                self._stop.set()
                self._stop = None

    def take(self, subscription: Subscription, most: int) -> list[Arrival] | None:
        """Return the next arrivals of a stream; None where it missed some, and goes on behind them."""
        with self._lock:
            found = subscription.feed.since(subscription.number, most)
            if found is None:
                subscription.number = subscription.feed.end
            else:
                subscription.number += len(found)
        return found

    def _reserve(self, who: SignedIn) -> Subscription:
        account_id = str(who.staff_id or who.person_id)
        with self._lock:
            if Counter(one.account_id for one in self._waiting)[account_id] >= MOST_OF_A_PERSON:
                raise TooManyOfAPerson
            if len(self._waiting) >= MOST_OF_A_PROCESS:
                raise TooManyAtAll
            joined = Subscription(who.practice_id, account_id, self._feed_of(who.practice_id))
            self._waiting.add(joined)
        return joined

    def _feed_of(self, practice_id: UUID) -> ArrivalFeed:
        feed = self._feeds.pop(practice_id, None) or ArrivalFeed(self._clock())
        self._feeds[practice_id] = feed  # the latest asked for stands last
        in_use = {one.practice_id for one in self._waiting} | {practice_id}
        for idle in [one for one in self._feeds if one not in in_use]:
            if len(self._feeds) <= _MOST_FEEDS:
                break
            del self._feeds[idle]
        return feed

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with lasting_connection.connect(
                    self._conninfo, stop, options=_SESSION_OPTIONS, log=log
                ) as connection:
                    self._serve(connection, stop)
            except psycopg.Error as error:
                log.warning("arrival_watch_lost", extra={"sqlstate": error.sqlstate})
                stop.wait(_POLL_S)
            except Exception:  # the thread's outermost loop: without it all streams would be silent
                log.exception("arrival_watch_failed")
                stop.wait(_POLL_S)

    def _serve(self, connection: psycopg.Connection[Any], stop: threading.Event) -> None:
        reading_arrivals.listen(connection)
        while not stop.is_set():
            began_s = time.monotonic()
            for practice_id, feed in {one.practice_id: one.feed for one in self._all()}.items():
                with tenancy.transaction(connection, practice_id) as cur:
                    is_news = self._search(cur, practice_id, feed)
                if is_news:
                    self._wake(practice_id)
            took_s = time.monotonic() - began_s
            for _ in connection.notifies(timeout=_POLL_S, stop_after=1):
                pass
            stop.wait(max(_PAUSE_S, took_s))

    def _search(self, cur: Cursor, practice_id: UUID, feed: ArrivalFeed) -> bool:
        with self._searching:
            at = self._clock()
            found = reading_arrivals.stored_since(
                cur, practice_id, feed.search_from, MOST_REMEMBERED + 1
            )
            with self._lock:
                return feed.take(found, at)

    def _all(self) -> list[Subscription]:
        with self._lock:
            return list(self._waiting)

    def _wake(self, practice_id: UUID) -> None:
        for one in self._all():
            if one.practice_id == practice_id:
                one.wake()


def of(request: Request) -> ArrivalWatch:
    """Return the look-out of this process."""
    state = request.app.state
    with _MAKING:
        if not hasattr(state, "arrival_watch"):
            here = surroundings.of(request)
            state.arrival_watch = ArrivalWatch(here.conninfo, here.clock)
        found: ArrivalWatch = state.arrival_watch
    return found
