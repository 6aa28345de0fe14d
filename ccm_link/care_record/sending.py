"""Sends what waits in the outbox: at least once each, in the order in which it happened to a patient, not too fast.

A sender takes a receiver's turn, claims one message for some minutes, sends it in no transaction, and writes down what
came of it. Killed in between, the claim ends by itself and another sends the same again, which an EHR tells by the
resource's identifier and version, and a webhook's receiver by the message's id. Any number of senders may run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

import psycopg
import tenacity

from ccm_link.care_record import outbox
from ccm_link.care_record.outbox import Claimed, Receiver
from ccm_link.care_record.port import CONSEQUENCES, Consequence, Failure, NotTaken
from ingest import audit, tenancy
from ingest.audit import Agent, AgentKind

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

RETRY_AFTER: Final = tuple(
    timedelta(minutes=minutes) for minutes in (0.5, 2, 10, 30, 120, 360, 720, 1440)
)
"""Pauses before a message is tried again that failed for a reason of its own: two days in all, then it is dead. Ours:
a weekend's fault of the other side is mended by then, or a person has to look."""

LEASE: Final = timedelta(minutes=10)
"""How long a message is in one sender's hands; longer than all exchanges about it together, of which there are six at
most, of three times thirty seconds each."""

_LONGEST_REST_S: Final = 300.0
_LONGEST_REST_FOR_ONE_S: Final = 10.0  # one message that fails must not hold up all others
_AGENT: Final = Agent(AgentKind.SERVICE, "ehr")


class Delivery(Protocol):
    """What is sent for one message: prepared in a transaction, sent outside of any, noted in another."""

    def send(self) -> None:
        """Send it.

        Raises:
            NotTaken: It was not taken, or nobody knows.
        """
        ...

    def note(self, cur: outbox.Cursor, now: datetime) -> None:
        """Write down what the other side holds now."""
        ...


class Held(Exception):
    """A message cannot go yet: nobody knows who its patient is in the EHR."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class Carrier(Protocol):
    """Knows how to send messages to one receiver."""

    @property
    def pace_s(self) -> float:
        """Return the least time between two messages, in seconds."""
        ...

    def prepare(self, cur: outbox.Cursor, claimed: Claimed, now: datetime) -> Delivery:
        """Gather what is sent for a message.

        Raises:
            Held: It has to wait for a person.
            NotTaken: It cannot be sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends to all receivers.

    Attributes:
        carrier_of: Returns how to send to a receiver; raises NotTaken where the settings do not say it.
        clock: Returns aware UTC.
        pause: Waits for so many seconds, at most one.
    """

    carrier_of: Callable[[Receiver], Carrier]
    clock: Callable[[], datetime]
    pause: Callable[[float], None] = time.sleep

    def send_some(self, connection: Connection) -> bool:
        """Give each receiver one turn at most; False where none had anything due.

        Args:
            connection: With autocommit, or between transactions.
        """
        with connection.transaction(), connection.cursor() as cur:
            due = outbox.receivers_due(cur, self.clock())
        was_due = [self._send_one(connection, receiver) for receiver in due]  # each has its turn
        return any(was_due)

    def _send_one(self, connection: Connection, receiver: Receiver) -> bool:
        """Send one message to a receiver.

        1. Take its turn, wait for it, and claim the oldest message; commit.
        2. Gather what is to be sent, or hold it; commit, for a search for the patient may be part of it.
        3. Send it, in no transaction.
        4. Write down what came of it, with the line in the audit trail; commit.
        """
        now = self.clock()
        try:
            carrier = self.carrier_of(receiver)
        except NotTaken as error:
            self._rest(connection, receiver, error, _LONGEST_REST_S)
            return False
        with tenancy.transaction(connection, receiver.practice_id) as cur:
            pace = timedelta(seconds=carrier.pace_s)
            turn_at = outbox.take_turn(cur, receiver, now=now, pace=pace)
        if turn_at is None:
            return False
        self.pause((max(turn_at, now) - now).total_seconds())
        with tenancy.transaction(connection, receiver.practice_id) as cur:
            now = self.clock()
            claimed = outbox.claim(cur, receiver, now=now, until=now + LEASE)
        if claimed is None:
            return False
        try:
            with tenancy.transaction(connection, receiver.practice_id) as cur:
                told = outbox.told_by_one(cur, claimed)
                delivery = self._prepare(cur, carrier, claimed)
            if delivery is not None:
                delivery.send()
        except NotTaken as error:
            self._failed(connection, receiver, claimed, error)
        except Exception as error:  # noqa: BLE001 - the top loop: one message must not stop the others
            log.error("outgoing_failed", extra={"error": type(error).__name__})  # noqa: TRY400 - its text may hold data
            self._failed(connection, receiver, claimed, NotTaken(Failure.UNKNOWN))
        else:
            if delivery is not None:
                self._sent(connection, receiver, claimed, told, delivery)
        return True

    def _prepare(self, cur: outbox.Cursor, carrier: Carrier, claimed: Claimed) -> Delivery | None:
        """Gather what is sent for a message; None where it is held, with what a search for the patient came to."""
        now = self.clock()
        try:
            return carrier.prepare(cur, claimed, now)
        except Held as error:
            outbox.hold(cur, claimed, error.failure, now)
            log.info("outgoing_held", extra={**_told(claimed), "reason": error.failure})
            return None

    def _sent(
        self,
        connection: Connection,
        receiver: Receiver,
        claimed: Claimed,
        told: Sequence[UUID],
        delivery: Delivery,
    ) -> None:
        now = self.clock()
        with tenancy.transaction(connection, receiver.practice_id) as cur:
            delivery.note(cur, now)
            outbox.settle(cur, claimed, told, now)
            outbox.works(cur, receiver)
            audit.record(cur, [_line(claimed, receiver, now)])
        log.info("outgoing_sent", extra=_told(claimed))

    def _failed(
        self, connection: Connection, receiver: Receiver, claimed: Claimed, error: NotTaken
    ) -> None:
        now, consequence = self.clock(), CONSEQUENCES.get(error.failure, Consequence.RETRY)
        is_last = claimed.attempts >= len(RETRY_AFTER)
        told = {**_told(claimed), "reason": error.failure}
        with tenancy.transaction(connection, receiver.practice_id) as cur:
            if consequence is Consequence.DEAD or (consequence is Consequence.RETRY and is_last):
                if outbox.bury(cur, claimed, error.failure, now):
                    log.error("outgoing_dead", extra=told)
                return
            counts = consequence is Consequence.RETRY
            pause = RETRY_AFTER[claimed.attempts] if counts else timedelta()
            next_at = now + _jittered(pause)
            outbox.try_again(cur, claimed, error.failure, next_at=next_at, counts=counts)
        log.warning("outgoing_not_taken", extra=told)
        longest_s = _LONGEST_REST_FOR_ONE_S if counts else _LONGEST_REST_S
        self._rest(connection, receiver, error, longest_s)

    def _rest(
        self, connection: Connection, receiver: Receiver, error: NotTaken, longest_s: float
    ) -> None:
        now = self.clock()
        asked_s = error.retry_after_s or 0.0
        pause_s = max(asked_s, _growing_s(receiver.failures + 1, longest_s))
        with tenancy.transaction(connection, receiver.practice_id) as cur:
            until = now + timedelta(seconds=pause_s)
            outbox.rest(cur, receiver, error.failure, until=until, now=now)


def forget_sent(connection: Connection, before: datetime) -> None:
    """Forget what was sent or given up before an instant, of all practices, bit by bit."""
    forgotten = 1
    while forgotten:
        with connection.transaction(), connection.cursor() as cur:
            forgotten = outbox.forget_sent(cur, before)


def _growing_s(failures: int, longest_s: float) -> float:
    """Return a pause that grows with each failure in a row and is random, so that senders do not come back in step."""
    wait = tenacity.wait_random_exponential(multiplier=2, min=1, max=longest_s)
    return _of_attempt(wait, failures)


def _jittered(pause: timedelta) -> timedelta:
    """Return a pause with up to a fifth more, so that what failed together does not come back together."""
    longest_s = pause.total_seconds() / 5
    return pause + timedelta(seconds=_of_attempt(tenacity.wait_random(0, longest_s), 1))


def _of_attempt(wait: Callable[[tenacity.RetryCallState], float], number: int) -> float:
    # tenacity's strategies are functions of the attempt's number; its retry loop is not needed here.
    attempt = tenacity.RetryCallState(retry_object=tenacity.Retrying(), fn=None, args=(), kwargs={})
    attempt.attempt_number = number
    return wait(attempt)


def _line(claimed: Claimed, receiver: Receiver, now: datetime) -> audit.Event:
    return audit.Event(
        practice_id=claimed.practice_id,
        at=now,
        kind=audit.Kind.EXPORT,
        action=audit.Action.EXECUTE,
        agent=_AGENT,
        patient_ids=() if claimed.patient_id is None else (claimed.patient_id,),
        resource=claimed.kind,
        resource_id=str(claimed.subject_id),
        detail={"to": receiver.kind.value, "receiver_id": str(receiver.receiver_id)},
    )


def _told(claimed: Claimed) -> dict[str, object]:
    return {"outgoing_id": claimed.outgoing_id, "kind": claimed.kind}
