"""How a message goes to another care platform: a signed POST that says what happened and where to look.

It is posted and signed as calls by webhook are (:mod:`alerts.channels.webhook`): the same headers, the same secret for
an address, the same hosts that the operator allows. Who the patient is stands in it only where the practice has agreed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from alerts import errors as alerts_errors
from alerts.channels.webhook.settings import WebhookSettings
from alerts.channels.webhook.transport import WebhookTransport
from ccm_link.care_record import outbox
from ccm_link.care_record.outbox import Claimed, Receiver
from ccm_link.care_record.port import Failure, Json, NotTaken
from ccm_link.care_record.sending import Delivery
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.care_record", "to_webhook")

EVENTS: Final = (
    "task.opened",
    "task.returned",
    "task.completed",
    "alert.opened",
    "alert.escalated",
    "alert.returned",
    "month.closed",
)
"""What a webhook can be told."""

PACE_S: Final = 0.1
"""The least time between two messages to one address. Ours: ten a second, as for EHRs."""

_FAILURES: Final = {
    alerts_errors.Failure.UNREACHABLE: Failure.UNREACHABLE,
    alerts_errors.Failure.TIMEOUT: Failure.TIMEOUT,
    alerts_errors.Failure.TLS: Failure.TLS,
    alerts_errors.Failure.BUSY: Failure.BUSY,
    alerts_errors.Failure.REFUSED: Failure.REFUSED,
    alerts_errors.Failure.REDIRECTED: Failure.REDIRECTED,
    alerts_errors.Failure.NOT_ALLOWED: Failure.NOT_ALLOWED,
    alerts_errors.Failure.SETTINGS: Failure.SETTINGS,
}


@dataclass(frozen=True, slots=True)
class WebhookCarrier:
    """The way to one address.

    Attributes:
        receiver: Where, and whether patients may be named.
        settings: Which hosts are allowed, and the keys that sign.
        console_url: Where the console is, as people reach it.
    """

    receiver: Receiver
    settings: WebhookSettings
    console_url: str

    @property
    def pace_s(self) -> float:
        """Return the least time between two messages, in seconds."""
        return PACE_S

    def prepare(self, cur: outbox.Cursor, claimed: Claimed, now: datetime) -> Delivery:
        """Make the body of a message; see :class:`sending.Carrier`."""
        asked = {
            "practice_id": claimed.practice_id,
            "subject_id": claimed.subject_id,
            "patient_id": claimed.patient_id,
            "subject_at": claimed.subject_at,
        }
        (practice, month) = cur.execute(_Q.practice, asked).fetchone() or ("", None)
        told: Json = {"message_id": str(claimed.outgoing_id), "practice": practice}
        console = self.console_url.rstrip("/")
        if claimed.kind.startswith("task."):
            told |= _first(cur, _Q.task, asked)
            told["address"] = f"{console}/tasks/{claimed.subject_id}"
        elif claimed.kind.startswith("alert."):
            told |= _first(cur, _Q.alert, asked)
            task_id = told.get("task_id")
            told["address"] = f"{console}/tasks/{task_id}" if task_id else console
        elif claimed.kind == "month.closed":
            told |= {"month": month, "address": f"{console}/time?month={month}"}
        if self.receiver.has_patient_data and claimed.patient_id is not None:
            told["patient"] = _first(cur, _Q.patient, asked)
        body = {"type": claimed.kind, "at": claimed.queued_at.isoformat(), "data": told}
        return _Post(self.settings, self.receiver.address, claimed.outgoing_id, _written(body), now)


@dataclass(frozen=True, slots=True)
class _Post:
    """One signed POST; what it told is nothing to be remembered."""

    settings: WebhookSettings
    address: str
    message_id: UUID
    body: bytes
    at: datetime

    def send(self) -> None:
        """Post it."""
        try:
            WebhookTransport(self.settings).post(self.address, self.message_id, self.body, self.at)
        except alerts_errors.NotSent as error:
            raise NotTaken(_FAILURES.get(error.failure, Failure.UNKNOWN)) from None

    def note(self, cur: outbox.Cursor, now: datetime) -> None:
        """Remember nothing."""


def _first(cur: outbox.Cursor, statement: Any, asked: dict[str, Any]) -> Json:
    found = cur.execute(statement, asked).fetchone()
    if found is None:
        raise NotTaken(Failure.NOTHING_HERE)
    (told,) = found
    return dict(told)


def _written(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
