"""One signed-in person's request: who, when, the transaction with its lines in the audit trail, the page around it.

A handler opens :meth:`Desk.transaction`, in which the database shows what this person may see, and says what it looked
at and changed with :meth:`Desk.saw`, :meth:`Desk.changed` and :meth:`Desk.did`. At the transaction's end the lines are
written; where they cannot be, or where a route on patients' data told nothing, nothing happens and nothing is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from alerts import notifications
from ccm_link.console import needs, problems, rendering, surroundings, trail
from ccm_link.console.routes import patient_places, permissions, places
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.trail import Line, Trail
from ccm_link.minutes import timers
from ccm_link.minutes.time_entry import Limits, Timer
from ingest import access, audit, people, store, tenancy
from ingest.audit import Kind, Outcome
from ingest.people import Practice, SignedIn
from ingest.tenancy import Scope

Cursor = psycopg.Cursor[Any]

# Homes measure twice a day, and a practice has many homes: a quarter of a day without any reading is unusual enough
# to be said in another colour.
_QUIET_AFTER: Final = timedelta(hours=6)

# Emergency access is for looking. Whatever else a route does, it works at an instant that no grant reaches, so that the
# walls of the database hide the patient from it. (A grant ends within hours.)
_NO_GRANT_REACHES: Final = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a handler works with.

    Attributes:
        request: The request.
        who: Who is asking.
        now: Aware UTC, the same for the whole request.
        rule: What the route does with which resource.
        trail: What the open transaction has told so far.
    """

    request: Request
    who: SignedIn
    now: datetime
    rule: permissions.Rule
    trail: Trail

    def later(self, who: SignedIn) -> Desk:
        """Return the same request's desk as of now, for an answer that goes on: what may be seen changes meanwhile."""
        now = surroundings.of(self.request).clock()
        network = surroundings.network_of(self.request)
        return Desk(self.request, who, now, self.rule, Trail(who, network, now))

    @property
    def practice_id(self) -> UUID:
        """Return the practice that everything asked for has to belong to."""
        return self.who.practice_id

    @property
    def staff_id(self) -> UUID:
        """Return the member of staff whose work it is.

        Raises:
            Refused: 403; a person at home asks, whose role includes no such route.
        """
        if self.who.staff_id is None:
            raise problems.Refused(problems.FORBIDDEN)
        return self.who.staff_id

    @property
    def patient_id(self) -> UUID:
        """Return the one patient whom a person at home may see.

        Raises:
            Refused: 403; a member of staff asks.
        """
        if self.who.patient_id is None:
            raise problems.Refused(problems.FORBIDDEN)
        return self.who.patient_id

    @property
    def timer_limits(self) -> Limits:
        """Return when a timer is not believed."""
        return surroundings.of(self.request).settings.timer_limits

    @property
    def scope(self) -> Scope:
        """Return what the database shows in the request's transactions."""
        is_look = self.rule[1] is permissions.Action.VIEW
        return Scope(
            (self.practice_id,),
            staff_id=self.who.staff_id,
            patient_id=self.who.patient_id,
            at=self.now if is_look else _NO_GRANT_REACHES,
        )

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Open a transaction for this person: committed at the end, rolled back by any exception. One at a time.

        Raises:
            Refused: 503; what was seen or changed could not be written into the audit trail.
            Unrecorded: the route is about patients' data, and nothing was told.
        """
        pool = surroundings.of(self.request).pool
        self.trail.begin()
        try:
            with pool.connection() as connection, connection.cursor() as cur:
                tenancy.enter(cur, self.scope)
                self._see(cur)
                yield cur
                if self.rule[0] in permissions.WITH_PATIENTS and not self.trail.tells_anything:
                    raise trail.Unrecorded
                self.trail.write(cur)
        finally:
            self.trail.end()

    def saw(
        self,
        *patient_ids: UUID,
        resource: Resource | None = None,
        resource_id: object = "",
        outcome: Outcome = Outcome.SUCCESS,
        **detail: object,
    ) -> None:
        """Tell what is shown: all patients whose data the answer holds, also of a list; none where it holds nobody's.

        Args:
            patient_ids: Each once or more often.
            resource: What was looked at; the route's own by default.
            resource_id: Which one, where it is one.
            outcome: REFUSED where the answer says that the patient may not be seen.
            detail: Counts, spans of time, kinds of reading; no names, texts or readings.
        """
        self.did(
            Kind.READ,
            *patient_ids,
            resource=resource,
            resource_id=resource_id,
            action=audit.Action.READ,
            outcome=outcome,
            **detail,
        )

    def changed(
        self,
        resource: Resource,
        resource_id: object,
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        patient_id: UUID | None = None,
    ) -> None:
        """Tell a change by what was and what is: only ``after`` for something new, only ``before`` for what is gone.

        States hold ids, numbers, times and words of closed lists. A text that a person wrote goes in as
        :func:`trail.sha256_of`, a name not at all.
        """
        made, gone = before is None, after is None
        action = audit.Action.UPDATE
        if made or gone:
            action = audit.Action.CREATE if made else audit.Action.DELETE
        states = {"before": before, "after": after}
        self.trail.add(
            Line(
                Kind.CHANGE,
                action,
                resource,
                str(resource_id),
                () if patient_id is None else (patient_id,),
                detail={name: trail.plain(state) for name, state in states.items() if state},
            )
        )

    def did(
        self,
        kind: Kind,
        /,
        *patient_ids: UUID,
        resource: Resource | None = None,
        resource_id: object = "",
        action: audit.Action = audit.Action.EXECUTE,
        outcome: Outcome = Outcome.SUCCESS,
        **detail: object,
    ) -> None:
        """Tell what is neither a look nor a change of a row: an export, a code that was issued, a revocation."""
        self.trail.add(
            Line(
                kind,
                action,
                resource or self.rule[0],
                str(resource_id),
                tuple(dict.fromkeys(patient_ids)),
                outcome,
                trail.plain(detail),
            )
        )

    def practice(self, cur: Cursor) -> Practice:
        """Return the practice.

        Raises:
            Refused: it is gone.
        """
        found = people.practice(cur, self.practice_id)
        if found is None:
            raise problems.Refused(problems.NOT_FOUND)
        return found

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
            places=places.of(self.who),
            patient_places=patient_places.of(self.who),
            here=self.request.scope["path"],
            again=self._again(),
            last_reading_at=last_reading_at,
            is_quiet=last_reading_at is None or self.now - last_reading_at > _QUIET_AFTER,
            timer=self._timer(cur),
            reviews=self._reviews(cur),
            needs=needs.of(cur, self.who, self.now),
            failing=self._failing(cur),
            **shown,
        )
        return HTMLResponse(text, status)

    def _see(self, cur: Cursor) -> None:
        """Take the request as a sign of the person's work, for their timer; unless nobody sent it by hand."""
        if not permissions.may(self.who, Resource.TIMER, permissions.Action.CHANGE):
            return
        headers = self.request.headers
        is_opened = "text/html" in headers.get("accept", "") and "hx-request" not in headers
        if self.request.method != "POST" and not is_opened:
            return
        halted = timers.see(
            cur, self.practice_id, self.staff_id, at=self.now, limits=self.timer_limits
        )
        if halted is not None:
            self.trail.add_beside(
                Line(
                    Kind.CHANGE,
                    audit.Action.UPDATE,
                    Resource.TIMER,
                    str(halted.staff_id),
                    (halted.patient_id,),
                    detail=trail.plain({"after": {"is_idle": True, "dropped_s": halted.dropped_s}}),
                )
            )

    def _again(self) -> str:
        """Return the address that shows this page afresh; "" for the answer to a form, which has none."""
        if self.request.method != "GET":
            return ""
        asked = self.request.url.remove_query_params("said")
        return f"{asked.path}?{asked.query}" if asked.query else asked.path

    def _reviews(self, cur: Cursor) -> tuple[int, int]:
        """Return how many emergency accesses wait for this person's review, and how many of them for too long."""
        if not permissions.may(self.who, Resource.BREAK_GLASS, permissions.Action.REVIEW):
            return 0, 0
        return access.unreviewed(cur, self.practice_id, self.now)

    def _failing(self, cur: Cursor) -> int:
        """Return how many addresses take no messages, for whoever looks after them."""
        if not permissions.may(self.who, Resource.ESCALATION, permissions.Action.CHANGE):
            return 0
        last = notifications.last_messages(cur, self.practice_id).values()
        return sum(one.state is notifications.State.GIVEN_UP for one in last)

    def _timer(self, cur: Cursor) -> Timer | None:
        """Return the person's running timer. It names a patient: the trail says so where the page does not anyway."""
        may_have_one = permissions.may(self.who, Resource.TIMER, permissions.Action.VIEW)
        timer = timers.running(cur, self.practice_id, self.staff_id) if may_have_one else None
        if timer is not None:
            line = Line(
                Kind.READ, audit.Action.READ, Resource.TIMER, patient_ids=(timer.patient_id,)
            )
            self.trail.add_beside(line)
        return timer


def _at_desk(
    request: Request, who: Annotated[SignedIn | None, Depends(permissions.permit)]
) -> Desk:
    if who is None:  # a route that anybody may use has no desk
        raise problems.Refused(problems.SIGNED_OUT)
    now = surroundings.of(request).clock()
    network = surroundings.network_of(request)
    return Desk(request, who, now, permissions.rule_of(request), Trail(who, network, now))


AtDesk = Annotated[Desk, Depends(_at_desk)]
