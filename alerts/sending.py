"""Sends the messages that are queued, at least once each: where nobody knows whether one went out, it goes again.

A notifier claims one message for some minutes, writes down that it begins, sends, and writes down what came of it.
Killed in between, the claim ends by itself, and another sends the same message under the same id, by which receivers
can tell.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import psycopg

from alerts import errors, notifications
from alerts.calling import TasksOf
from alerts.channels.message import Channel, Message, Transport
from alerts.errors import Failure
from alerts.notifications import Claimed
from ingest import tenancy

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

RETRY_AFTER: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 180))
"""Pauses between the tries. Less than five minutes in all: a ladder has its next rung to call by then."""

LEASE: Final = timedelta(minutes=3)
"""How long a message is in one notifier's hands; longer than all steps of any exchange together."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends over one channel.

    Attributes:
        channel: Which one.
        transport: Carries its messages.
        tasks_of: Knows the tasks of episodes.
        console_url: Where the console is, as people reach it.
        clock: Returns aware UTC.
    """

    channel: Channel
    transport: Transport
    tasks_of: TasksOf
    console_url: str
    clock: Callable[[], datetime]

    def send_next(self, connection: Connection) -> bool:
        """Send the oldest message that is due; False where there is none.

        1. Claim it and write down that a try begins; commit.
        2. Send it, in no transaction.
        3. Write down what came of it; commit. The last try that fails has the next rung called.

        Args:
            connection: With autocommit, or between transactions.
        """
        prepared = self._prepare(connection)
        if prepared is None:
            return False
        claimed, message, address = prepared
        try:
            if address is None:
                raise errors.NotSent(Failure.NO_CONTACT, is_final=True)  # noqa: TRY301
            receipt = self.transport.send(message, address, self.clock())
        except errors.NotSent as error:
            self._failed(connection, claimed, error.failure, is_final=error.is_final)
        except Exception as error:  # noqa: BLE001 - the top loop: one message must not stop the others
            log.error("sending_failed", extra={"error": type(error).__name__})  # noqa: TRY400 - its text may hold an address
            self._failed(connection, claimed, Failure.UNKNOWN, is_final=False)
        else:
            with tenancy.transaction(connection, claimed.practice_id) as cur:
                notifications.record_sent(cur, claimed, receipt, self.clock())
            log.info("notification_sent", extra=self._told(claimed))
        return True

    def _prepare(self, connection: Connection) -> tuple[Claimed, Message, str | None] | None:
        now = self.clock()
        with connection.transaction(), connection.cursor() as cur:
            claimed = notifications.claim(cur, self.channel, now=now, until=now + LEASE)
            if claimed is None:
                return None
            tenancy.enter(cur, tenancy.Scope((claimed.practice_id,)))
            notifications.begin_attempt(cur, claimed, now)
            found = notifications.addressed(cur, claimed)
            message = Message(
                message_id=claimed.notification_id,
                practice=found.practice,
                severity=found.severity,
                address=self._where_to_look(cur, claimed),
            )
        return claimed, message, found.address

    def _where_to_look(self, cur: notifications.Cursor, claimed: Claimed) -> str:
        console = self.console_url.rstrip("/")
        if claimed.episode_id is None:
            return console
        found = self.tasks_of(cur, claimed.practice_id, [claimed.episode_id])
        task = found.get(claimed.episode_id)
        return console if task is None else f"{console}/tasks/{task.task_id}"

    def _failed(
        self, connection: Connection, claimed: Claimed, failure: Failure, *, is_final: bool
    ) -> None:
        now = self.clock()
        is_last = is_final or claimed.attempt > len(RETRY_AFTER)
        next_at = None if is_last else now + RETRY_AFTER[claimed.attempt - 1]
        with tenancy.transaction(connection, claimed.practice_id) as cur:
            is_given_up = notifications.record_failure(
                cur, claimed, failure, next_at=next_at, at=now
            )
        told = {**self._told(claimed), "reason": failure}
        if is_given_up:
            log.error("notification_given_up", extra=told)
        else:
            log.warning("notification_not_sent", extra=told)

    def _told(self, claimed: Claimed) -> dict[str, object]:
        return {
            "notification_id": claimed.notification_id,
            "channel": self.channel.value,
            "attempt": claimed.attempt,
        }
