"""One signed-in person's request: who, when, the transaction, and the page around the answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from ccm_link import time_log
from ccm_link.console import permissions, problems, rendering, surroundings
from ingest import people, store
from ingest.people import Practice, SignedIn

Cursor = psycopg.Cursor[Any]

# Homes measure twice a day, and a practice has many homes: a quarter of a day without any reading is unusual enough
# to be said in another colour.
_QUIET_AFTER: Final = timedelta(hours=6)

_PLACES: Final = (
    ("/worklist", "Worklist"),
    ("/patients", "Patients"),
    ("/time", "Time log"),
    ("/unassigned", "Unassigned"),
    ("/quarantine", "Quarantine"),
    ("/gateways", "Gateways"),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a handler works with. ``now`` is aware UTC and the same for the whole request."""

    request: Request
    who: SignedIn
    now: datetime

    @property
    def practice_id(self) -> UUID:
        """Return the practice that everything asked for has to belong to."""
        return self.who.practice_id

    @property
    def staff_id(self) -> UUID:
        """Return the person whose work it is."""
        return self.who.staff_id

    @property
    def timer_limit(self) -> timedelta:
        """Return how long a timer may run before its end has to be said."""
        return surroundings.of(self.request).settings.timer_limit

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Open the request's transaction: committed at the end, rolled back by any exception."""
        pool = surroundings.of(self.request).pool
        with pool.connection() as connection, connection.cursor() as cur:
            yield cur

    def practice(self, cur: Cursor) -> Practice:
        """Return the practice.

        Raises:
            Refused: it is gone.
        """
        found = people.practice(cur, self.practice_id)
        if found is None:
            raise problems.Refused(problems.NOT_FOUND)
        return found

    def _again(self) -> str:
        """Return the address that shows this page afresh; "" for the answer to a form, which has none."""
        if self.request.method != "GET":
            return ""
        asked = self.request.url.remove_query_params("said")
        return f"{asked.path}?{asked.query}" if asked.query else asked.path

    def page(
        self, cur: Cursor, template: str, *, status: int = 200, **shown: object
    ) -> HTMLResponse:
        """Return a page with the head that every page has: freshness, running timer, places to go."""
        practice = self.practice(cur)
        last_reading_at = store.last_stored_at(cur, self.practice_id)
        text = rendering.render(
            template,
            who=self.who,
            now=self.now,
            practice=practice,
            zone=ZoneInfo(practice.time_zone),
            places=[place for place in _PLACES if permissions.may(self.who, f"GET {place[0]}")],
            here=self.request.scope["path"],
            again=self._again(),
            last_reading_at=last_reading_at,
            is_quiet=last_reading_at is None or self.now - last_reading_at > _QUIET_AFTER,
            timer=time_log.running_timer(cur, self.practice_id, self.staff_id),
            **shown,
        )
        return HTMLResponse(text, status)


def _at_desk(
    request: Request, who: Annotated[SignedIn | None, Depends(permissions.permit)]
) -> Desk:
    if who is None:  # a route that anybody may use has no desk
        raise problems.Refused(problems.SIGNED_OUT)
    return Desk(request, who, surroundings.of(request).clock())


AtDesk = Annotated[Desk, Depends(_at_desk)]
