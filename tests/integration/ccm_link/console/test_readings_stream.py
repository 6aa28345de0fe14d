"""The stream of new readings: each once, to whoever may see it, as long as they may, and back again without loss."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from ccm_link.console import arrival_watch
from firmware_profiles.readings import Kind, Result
from ingest import evaluation_queue, store, tenancy
from ingest.tenancy import Scope
from tests.console_server import Console
from tests.made_up_practice import Clock, Connect, MadeUp
from tests.unit.ingest.readings_at_home import reading

pytestmark = [pytest.mark.db, pytest.mark.timeout(120)]
SignIn = Callable[[str], httpx.Client]
STREAM = "/api/v1/readings/stream"


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    position: str


class Events:
    """Reads one stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self) -> Event | None:
        """Return the next event, passing over lines that only keep the connection; None at the end."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if line.startswith(":"):
                continue
            if not line:
                if fields.get("event"):
                    return Event(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
                fields = {}
                continue
            name, _, text = line.partition(": ")
            fields[name] = text
        return None

    def readings(self, count: int) -> list[Event]:
        found = []
        while len(found) < count:
            event = self.next()
            assert event is not None, found
            assert event.name == "reading", event
            found.append(event)
        return found

    def rest(self) -> list[Event]:
        return list(iter(self.next, None))


@contextmanager
def opened(client: httpx.Client, position: str = "", **query: Any) -> Iterator[Events]:
    headers = {"Last-Event-ID": position} if position else {}
    with client.stream("GET", STREAM, params={"seconds": 20} | query, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        events = Events(answer)
        first = events.next()
        assert first is not None
        assert first.name == "opened"
        assert first.data["codes"]["systolic_mmhg"] == {"loinc": "8480-6", "ucum": "mm[Hg]"}
        yield events


class Homes:
    """Stores readings as ingest does."""

    def __init__(self, connect: Connect, made_up: MadeUp, clock: Clock) -> None:
        self.connect, self.made_up, self.clock = connect, made_up, clock

    def measure(
        self, patient: str = "amalia", *, wakes: bool = True, stored_s: float = 0, **changed: Any
    ) -> UUID:
        """Store a reading of a patient; return its id."""
        at = self.clock.now
        made = reading(
            at - timedelta(minutes=3),
            practice_id=self.made_up.practice_id,
            patient_id=self.made_up.patients[patient],
            peripheral_id=uuid4(),
            stored_at=at + timedelta(seconds=stored_s),
            **changed,
        )
        with self.connect("homevitals_ingest") as connection, connection.cursor() as cur:
            tenancy.enter(cur, Scope((self.made_up.practice_id,)))
            store.ensure_series(cur, made.measured_at, made.measured_at)
            store.add_readings(cur, [made])
            if wakes:
                evaluation_queue.queue_evaluation(cur, [made], at)
        return made.reading_id


@pytest.fixture
def homes(connect: Connect, made_up: MadeUp, clock: Clock) -> Homes:
    return Homes(connect, made_up, clock)


def ids(events: list[Event]) -> list[UUID]:
    return [UUID(one.data["reading_id"]) for one in events]


def lines(connect: Connect) -> list[tuple[list[UUID], dict[str, Any]]]:
    with connect("postgres") as connection:
        return connection.execute(
            "select patient_ids, detail from ingest.audit_event where detail ? 'stream'"
            " order by xmin::text::bigint"
        ).fetchall()


def test_a_reading_is_told_when_it_has_arrived_and_the_trail_has_it_first(
    casey: httpx.Client, homes: Homes, connect: Connect, made_up: MadeUp
) -> None:
    with opened(casey) as events:
        began_s = time.monotonic()
        first = homes.measure()
        (event,) = events.readings(1)
        assert time.monotonic() - began_s < 5
        assert ids([event]) == [first]
        assert event.data["systolic_mmhg"] == 130.0
        assert event.data["patient_id"] == str(made_up.patients["amalia"])
        assert (event.data["origin"], event.data["time_quality"]) == ("device", "good")
        assert datetime.fromisoformat(event.data["stored_at"]).utcoffset() == timedelta(0)
        assert lines(connect) == [
            ([], {"stream": "opened"}),
            ([made_up.patients["amalia"]], {"stream": "sent", "readings": 1}),
        ]
        # A reading that no rule judges wakes nobody; the look-out finds it by itself.
        second = homes.measure("noor", wakes=False, result=Result.NOT_MEASURABLE)
        assert ids(events.readings(1)) == [second]
        # What says that it was stored earlier, and is seen only now, is not missed.
        third = homes.measure("bertram", stored_s=-50, kind=Kind.GLUCOSE)
        assert ids(events.readings(1)) == [third]


def test_nothing_is_told_twice_and_nothing_that_was_there_before(
    casey: httpx.Client, homes: Homes
) -> None:
    homes.measure()
    with opened(casey, seconds=4) as events:
        sent = [homes.measure() for _ in range(5)]
        assert sorted(ids(events.readings(5))) == sorted(sent)
        (last,) = events.rest()
        assert (last.name, last.data) == ("closed", {"reason": "time_is_over"})


def test_one_patients_stream_tells_of_nobody_else(
    casey: httpx.Client, homes: Homes, made_up: MadeUp, connect: Connect
) -> None:
    noor = made_up.patients["noor"]
    with opened(casey, patient_id=str(noor)) as events:
        homes.measure("amalia")
        own = homes.measure("noor")
        assert ids(events.readings(1)) == [own]
    assert [patients for patients, _ in lines(connect)] == [[noor], [noor]]


def test_who_comes_back_gets_what_came_meanwhile_once(casey: httpx.Client, homes: Homes) -> None:
    with opened(casey) as events:
        before = [homes.measure() for _ in range(3)]
        seen = events.readings(3)
        assert sorted(ids(seen)) == sorted(before)
    between = [homes.measure() for _ in range(3)]
    # From the second event on: the third is told again, because that is what was asked for.
    with opened(casey, seen[1].position) as events:
        assert ids(events.readings(1)) == [UUID(seen[2].data["reading_id"])]
        assert sorted(ids(events.readings(3))) == sorted(between)
        after = homes.measure()
        assert ids(events.readings(1)) == [after]


def test_who_comes_back_to_another_process_misses_nothing(
    casey: httpx.Client, homes: Homes, console: Console, clock: Clock
) -> None:
    with opened(casey) as events:
        old = homes.measure()
        (seen,) = events.readings(1)
    clock.move(seconds=90)
    recent = homes.measure()
    del console.app.state.arrival_watch  # as after a restart
    with opened(casey, seen.position) as events:
        # What was stored up to a minute before the position may come again: nobody knows what was sent of it.
        assert ids(events.readings(2)) == [old, recent]
        after = homes.measure()
        (event,) = events.readings(1)
        assert ids([event]) == [after]
    with opened(casey, event.position, seconds=3) as events:
        assert [one.name for one in events.rest()] == ["closed"]


BAD_POSITIONS = ["sentinel-Thornquist", "x" * 400, "AAAA", "é"]


def test_a_position_that_is_none_is_refused(
    casey: httpx.Client, sign_in: SignIn, homes: Homes, made_up: MadeUp, clock: Clock
) -> None:
    with opened(casey) as events:
        homes.measure()
        (event,) = events.readings(1)
    asked: list[tuple[httpx.Client, str, dict[str, str]]] = [
        *((casey, one, {}) for one in BAD_POSITIONS),
        (casey, event.position[:-2], {}),
        (casey, event.position, {"patient_id": str(made_up.patients["noor"])}),
        (sign_in("fremd@another"), event.position, {}),
    ]
    for client, position, query in asked:
        headers = {"Last-Event-ID": position.encode()}
        answer = client.get(STREAM, params={"seconds": "1"} | query, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (400, "bad_position")
        assert "sentinel" not in answer.text
    clock.move(minutes=61)
    answer = sign_in("casey").get(STREAM, headers={"Last-Event-ID": event.position})
    assert answer.status_code == 400


ENDS = {
    "signed out": "delete from ingest.session",
    "another role": "update ingest.staff set role = 'auditor' where sign_in_name = 'casey'",
    "account closed": "update ingest.staff set disabled_at = now() where sign_in_name = 'casey'",
}


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
@pytest.mark.parametrize("change", ENDS)
def test_the_stream_ends_with_what_it_was_opened_by(
    casey: httpx.Client, homes: Homes, connect: Connect, change: str
) -> None:
    with opened(casey) as events:
        with connect("postgres") as connection:
            connection.execute(ENDS[change])
        # Also a reading that comes at this very moment is not told any more.
        homes.measure()
        began_s = time.monotonic()
        assert [(one.name, one.data) for one in events.rest()] == [
            ("closed", {"reason": "signed_out"})
        ]
        assert time.monotonic() - began_s < 5


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_a_stream_is_no_activity_and_ends_when_nobody_does_anything(
    casey: httpx.Client, clock: Clock
) -> None:
    with opened(casey) as events:
        clock.move(minutes=14)
        time.sleep(3)  # it has asked for the session meanwhile
        clock.move(minutes=2)
        assert [one.data for one in events.rest()] == [{"reason": "signed_out"}]


def test_a_restricted_patient_is_told_to_the_care_team_alone(
    sign_in: SignIn, homes: Homes, made_up: MadeUp, connect: Connect
) -> None:
    form = {
        "patient_id": str(made_up.patients["amalia"]),
        "staff_id": str(made_up.staff["dana"]),
        "reason": "She works here.",
    }
    casey, dana = sign_in("casey"), sign_in("dana")
    with ExitStack() as stack:
        outside, inside = (stack.enter_context(opened(one)) for one in (casey, dana))
        free = homes.measure("amalia")
        assert ids(outside.readings(1)) == ids(inside.readings(1)) == [free]
        assert sign_in("petra").post("/restrictions", data=form).status_code == 303
        hidden, open_to_all = homes.measure("amalia"), homes.measure("noor")
        assert ids(outside.readings(1)) == [open_to_all]
        assert sorted(ids(inside.readings(2))) == sorted([hidden, open_to_all])
    answer = casey.get(STREAM, params={"patient_id": str(made_up.patients["amalia"])})
    assert (answer.status_code, answer.json()["reason"]) == (403, "access_limited")


def test_another_practice_is_told_nothing(sign_in: SignIn, homes: Homes, made_up: MadeUp) -> None:
    with opened(sign_in("fremd@another"), seconds=4) as events:
        homes.measure()
        assert [one.name for one in events.rest()] == ["closed"]
    for patient_id in (made_up.patients["amalia"], uuid4()):
        answer = sign_in("fremd@another").get(STREAM, params={"patient_id": str(patient_id)})
        assert answer.status_code == 404


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_streams_have_a_cap_and_give_their_place_back(
    casey: httpx.Client, sign_in: SignIn, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        for _ in range(arrival_watch.MOST_OF_A_PERSON):
            stack.enter_context(opened(casey))
        answer = casey.get(STREAM)
        assert (answer.status_code, answer.json()["reason"]) == (429, "too_many_streams")
        dana = sign_in("dana")
        with opened(dana):
            pass
        monkeypatch.setattr(arrival_watch, "MOST_OF_A_PROCESS", arrival_watch.MOST_OF_A_PERSON)
        answer = dana.get(STREAM)
        assert (answer.status_code, answer.json()["reason"]) == (503, "no_stream_left")
        assert "what_to_do" in answer.json()
    deadline_s = time.monotonic() + 10
    while console.app.state.arrival_watch._waiting:
        assert time.monotonic() < deadline_s, "a stream kept its place"
        time.sleep(0.05)
    assert console.app.state.arrival_watch._stop is None  # and nobody looks out any more


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_a_foreign_page_holds_no_stream_open(casey: httpx.Client) -> None:
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = casey.get(STREAM, params={"seconds": 1}, headers=headers)
        assert answer.status_code == 403, headers


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_a_stream_outlives_the_look_outs_connection(
    casey: httpx.Client, homes: Homes, connect: Connect
) -> None:
    with opened(casey) as events:
        with connect("postgres") as connection:
            connection.autocommit = True
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'homevitals_arrivals' and datname = current_database()"
            )
        told = homes.measure()
        assert ids(events.readings(1)) == [told]


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_where_the_trail_cannot_be_written_nothing_is_told(
    casey: httpx.Client, homes: Homes, connect: Connect
) -> None:
    with opened(casey) as events:
        with connect("postgres") as connection:
            connection.execute("revoke insert on ingest.audit_event from homevitals_console")
        homes.measure()
        assert [(one.name, one.data) for one in events.rest()] == [
            ("closed", {"reason": "unavailable"})
        ]


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_too_much_at_once_is_a_gap(
    casey: httpx.Client, homes: Homes, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    from ccm_link.console import arrival_feed

    with opened(casey) as events:
        for module in (arrival_feed, arrival_watch):
            monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
        made = reading(clock.now, practice_id=homes.made_up.practice_id, stored_at=clock.now)
        many = [
            made._replace(reading_id=uuid4(), patient_id=homes.made_up.patients["noor"])
            for _ in range(4)
        ]
        with homes.connect("homevitals_ingest") as connection, connection.cursor() as cur:
            tenancy.enter(cur, Scope((homes.made_up.practice_id,)))
            store.add_readings(cur, many)
        event = events.next()
        assert event is not None
        assert event.name == "gap"
        assert datetime.fromisoformat(event.data["since"]) <= clock.now
        assert "Fetch the readings" in event.data["what_to_do"]
