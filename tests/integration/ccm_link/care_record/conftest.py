"""A practice that is connected with an EHR, and a sender for it whose clock stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from alerts.channels.webhook.settings import WebhookSettings
from ccm_link.care_record import receivers
from ccm_link.care_record.carriers import Carriers
from ccm_link.care_record.sending import Sender
from ccm_link.care_record.settings import Connection, SignIn
from firmware_profiles.readings import Kind
from ingest import tenancy
from tests import made_up_practice
from tests.integration.ccm_link.care_record.fault_server import Fault, serving
from tests.made_up_practice import NOW, MadeUp

NUMBERS = "urn:oid:2.16.840.1.113883.19.5"  # HL7's own for examples


@dataclass
class Link:
    """The practice's link; ``now`` moves when a test says so."""

    database: Any
    made_up: MadeUp
    folder: Path
    base_url: str = ""
    secret: str = "a-token-of-the-tests-4711"
    now: datetime = NOW
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def practice_id(self) -> UUID:
        return self.made_up.practice_id

    @property
    def connection(self) -> Connection:
        secret = self.folder / "token"
        secret.write_text(self.secret)
        secret.chmod(0o600)
        plain = Connection(
            base_url=self.base_url,
            sign_in=SignIn.BEARER,
            secret_file=secret,
            identifier_system=NUMBERS,
            knows_record_numbers=True,
            per_second=100.0,
            timeout_s=1.0,
        )
        return replace(plain, **self.changes)

    @contextmanager
    def console(self) -> Iterator[psycopg.Cursor[Any]]:
        with (
            self.database.connect("homevitals_console") as connection,
            tenancy.transaction(connection, self.practice_id) as cur,
        ):
            yield cur

    def connect_ehr(self) -> UUID:
        with self.console() as cur:
            return receivers.connect_ehr(
                cur,
                self.practice_id,
                "main",
                known=["main"],
                added_by=self.made_up.staff["petra"],
                at=self.now,
            )

    def measure(self, patient: str = "noor", **said: Any) -> UUID:
        """Let a patient measure a blood pressure, some minutes after the last one."""
        self.now += timedelta(minutes=5)
        numbers = {"systolic_mmhg": 134.0, "diastolic_mmhg": 82.0, "pulse_bpm": 66.0} | said
        return made_up_practice.add_reading(
            self.database.connect,
            self.made_up,
            patient,
            Kind.BLOOD_PRESSURE,
            self.now - timedelta(minutes=2),
            **numbers,
        )

    def carriers(self, webhook: WebhookSettings | None = None) -> Carriers:
        return Carriers(
            {"main": self.connection}, webhook or WebhookSettings(), "https://console.example.org"
        )

    def send_all(self, webhook: WebhookSettings | None = None, *, most: int = 60) -> int:
        """Send until nothing is due, a second after the other; return how many turns that took."""
        with (
            closing(self.carriers(webhook)) as carriers,
            closing(self.database.connect("homevitals_link")) as connection,
        ):
            sender = Sender(carriers.of, lambda: self.now)
            connection.autocommit = True
            turns = 0
            while turns < most and sender.send_some(connection):
                turns += 1
                self.now += timedelta(seconds=1)
        return turns

    def rows(self, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        with closing(self.database.connect()) as connection:
            return connection.execute(
                f"select {columns} from ccm.outgoing where {where} order by outgoing_no"
            ).fetchall()

    def states(self) -> list[str]:
        """Return state and failure of each message, as “dead refused”."""
        return [f"{state} {failure}".strip() for state, failure in self.rows("state, failure")]


@pytest.fixture
def link(database: Any, made_up: MadeUp, tmp_path: Path) -> Link:
    return Link(database, made_up, tmp_path)


@pytest.fixture
def fault() -> Iterator[Fault]:
    with serving() as found:
        yield found
