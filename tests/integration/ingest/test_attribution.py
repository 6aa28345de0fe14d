"""Readings follow assignments: whatever was assigned when, each reading ends with whoever had its peripheral then."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import hypothesis
import psycopg
import pytest
from hypothesis import strategies as st

from deploy import way
from ingest import assignments, attribution, corrections, follower, people, tenancy
from ingest import worker as ingest_worker
from ingest.assignments import Span
from ingest.commit import Committer
from ingest.corrections import Cause, Correction
from ingest.errors import RefusedByStoreError
from ingest.follower import Follower
from tests import scopes

pytestmark = pytest.mark.db

Owner = psycopg.Connection[Any]
MINUTE = timedelta(minutes=1)
# Which readings belong to whom now, by outbox number; superseded versions left out.
NOW_WHOSE = "select outbox_seq, patient_id from ingest.reading_series where superseded_at is null order by 1"


@pytest.fixture
def worker(database: Any) -> Iterator[psycopg.Connection[Any]]:
    """As the service connects, with autocommit."""
    with database.connect("homevitals_ingest") as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def take_in(database: Any, home: Any) -> Iterator[Callable[..., None]]:
    """Let ingest take in readings that the cuff made so many minutes before the test's now."""
    with database.connect("homevitals_ingest") as connection:
        connection.autocommit = True
        committer = Committer(connection)

        def take(*minutes_ago: int, **changes: Any) -> None:
            records = [home.record(minute, **changes) for minute in minutes_ago]
            committer.take_in([home.message(records)], datetime.now(UTC))

        yield take


@pytest.fixture
def bob(owner: Owner, home: Any) -> UUID:
    """Another patient of the practice, whose days are counted elsewhere."""
    with owner.transaction(), owner.cursor() as cur:
        return people.add_patient(
            cur, home.practice_id, display_name="Bob", born_on=date(1950, 1, 1), record_number="R-2",
            time_zone="Pacific/Auckland",
        )  # fmt: skip


def drain(worker: psycopg.Connection[Any], home: Any, batch_size: int = 200) -> None:
    """Do all work, also what is due later."""
    at = home.now + timedelta(days=1)
    while attribution.follow(worker, at, batch_size):
        at += timedelta(hours=1)  # what was postponed is due again
        assert at < home.now + timedelta(days=30), "it never ends"


def change(database: Any, home: Any, action: Callable[..., Any]) -> Any:
    """Do something as the console, in a transaction of its own, with the cuff's newest assignment."""
    with (
        database.connect("homevitals_console", home.practice_id) as connection,
        connection.cursor() as cur,
    ):
        first = assignments.of_peripheral(cur, home.practice_id, home.peripheral_id)[0]
        return action(cur, home.practice_id, first)


def handed_on(database: Any, home: Any, to: UUID, minutes_ago: int) -> None:
    """Correct the cuff's assignment: since then it has been somebody else's."""
    at = home.now - minutes_ago * MINUTE

    def correct(cur: Any, practice_id: UUID, first: Any) -> Any:
        instead = assignments.with_part_of(first.span, to, at, None)
        return assignments.correct(
            cur, practice_id, first, instead, reason="r", corrected_by="Casey", at=home.now
        )

    assert change(database, home, correct) is not None


def whose(owner: Owner) -> dict[int, UUID | None]:
    return dict(owner.execute(NOW_WHOSE).fetchall())


def test_readings_that_waited_become_the_patients_when_the_assignment_appears(
    take_in: Callable[..., None], worker: Any, owner: Owner, database: Any, home: Any, bob: UUID
) -> None:
    stranger = "AA:BB:CC:DD:EE:77"
    take_in(5, 15, 25, peripheral=stranger)
    assert set(whose(owner).values()) == {None}
    (peripheral_id,) = owner.execute(
        "select peripheral_id from ingest.peripheral where bluetooth_address = %s", (stranger,)
    ).fetchone() or (None,)

    with (
        database.connect("homevitals_console", home.practice_id) as connection,
        connection.cursor() as cur,
    ):
        assignments.assign(
            cur, home.practice_id, peripheral_id=peripheral_id, user_slot=None, patient_id=bob,
            valid_from=home.now - 20 * MINUTE, assigned_by="Casey", at=home.now,
        )  # fmt: skip
    drain(worker, home)

    assert whose(owner) == {5: bob, 15: bob, 25: None}
    (day,) = owner.execute(
        "select distinct (measured_at at time zone 'Pacific/Auckland')::date = measured_day"
        " from ingest.reading_series where patient_id = %s",
        (bob,),
    ).fetchall()
    assert day == (True,)
    queued = owner.execute(
        "select count(*) from ingest.evaluation_queue where patient_id = %s", (bob,)
    )
    assert queued.fetchone() == (2,)


def test_a_corrected_assignment_moves_its_readings_and_their_former_versions_stay(
    take_in: Callable[..., None], worker: Any, owner: Owner, database: Any, home: Any, bob: UUID
) -> None:
    take_in(5, 15, 25)
    handed_on(database, home, bob, 20)
    drain(worker, home, batch_size=1)

    assert whose(owner) == {5: bob, 15: bob, 25: home.patient_id}
    (moved,) = owner.execute(
        "select reading_id from ingest.reading_series where outbox_seq = 5 and version = 2"
    ).fetchone() or (None,)
    with database.connect("homevitals_console", home.practice_id) as connection:
        first, second = corrections.history(connection.cursor(), home.practice_id, moved)
    assert (first.patient_id, first.cause) == (home.patient_id, None)
    assert (second.patient_id, second.cause, second.made_by) == (bob, "assignment", "Casey")
    assert first.superseded_at == second.stored_at
    with database.connect("homevitals_console", home.practice_id) as connection:
        for version in (first, second):
            cur = connection.cursor()
            found = way.of_reading(cur, home.practice_id, version.reading_id, lambda *_: None)
            assert found.patient_id == version.patient_id
            text = way.as_text(found.stations)
            assert "topic hv/1/up/gw-aaaa1111/readings" in text
            assert "assignment by Casey" in text or version is second
            assert "counted until" in text or version is first
            assert "record key" in text
    left = owner.execute("select count(*) from ingest.attribution_work where attempts > 0")
    assert left.fetchone() == (0,)


def test_ended_assignments_leave_later_readings_waiting(
    take_in: Callable[..., None], worker: Any, owner: Owner, database: Any, home: Any
) -> None:
    take_in(5, 15)
    until = home.now - 10 * MINUTE
    change(
        database,
        home,
        lambda cur, practice_id, first: assignments.end(
            cur, practice_id, first, valid_until=until, ended_by="Casey", at=home.now
        ),
    )
    drain(worker, home)
    take_in(7)  # late, and the assignment has ended meanwhile

    assert whose(owner) == {5: None, 7: None, 15: home.patient_id}


def test_each_slot_follows_its_own_patient(
    take_in: Callable[..., None], worker: Any, owner: Owner, database: Any, home: Any, bob: UUID
) -> None:
    take_in(5)
    with (
        database.connect("homevitals_console", home.practice_id) as connection,
        connection.cursor() as cur,
    ):
        assignments.assign(
            cur, home.practice_id, peripheral_id=home.peripheral_id, user_slot=2, patient_id=bob,
            valid_from=home.now - timedelta(days=1), assigned_by="Casey", at=home.now,
        )  # fmt: skip
    drain(worker, home)

    assert whose(owner) == {5: home.patient_id}


def test_an_undated_reading_of_a_cuff_that_changed_hands_is_nobodys(
    take_in: Callable[..., None], worker: Any, owner: Owner, database: Any, home: Any, bob: UUID
) -> None:
    take_in(3, dated=False)
    assert whose(owner) == {3: home.patient_id}

    handed_on(database, home, bob, 60 * 24)  # a day ago; the reading may be older
    drain(worker, home)
    take_in(4, dated=False)
    assert whose(owner) == {3: None, 4: None}


def test_looking_twice_changes_nothing_more(
    take_in: Callable[..., None], worker: Any, owner: Owner, database: Any, home: Any, bob: UUID
) -> None:
    take_in(5)
    handed_on(database, home, bob, 20)
    drain(worker, home)
    before = owner.execute("select * from ingest.reading_series order by version").fetchall()
    with owner.transaction(), owner.cursor() as cur:
        cur.execute(
            "insert into ingest.attribution_work (practice_id, peripheral_id, from_at, until_at, made_by, queued_at,"
            " due_at) values (%s, %s, '-infinity', 'infinity', 'test', now(), now())",
            (home.practice_id, home.peripheral_id),
        )
    with pytest.raises(
        psycopg.DataError
    ):  # no instant that Python knows: no such work is ever made
        drain(worker, home)
    owner.execute("update ingest.attribution_work set from_at = '2000-01-01'")
    drain(worker, home)

    assert (
        owner.execute("select * from ingest.reading_series order by version").fetchall() == before
    )
    assert owner.execute("select count(*) from ingest.attribution_work").fetchone() == (0,)


def test_what_was_looked_up_before_the_change_and_stored_after_it_follows_at_the_second_look(
    worker: Any, owner: Owner, database: Any, home: Any, bob: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose transaction is under way knows the former assignments."""
    with database.connect("homevitals_ingest") as connection:
        connection.autocommit = True
        committer = Committer(connection)
        write = committer._write

        def change_meanwhile(*given: Any) -> Any:
            handed_on(database, home, bob, 20)
            assert attribution.follow(worker, home.now)  # the first look finds nothing yet
            while attribution.follow(worker, home.now):
                pass
            return write(*given)

        monkeypatch.setattr(committer, "_write", change_meanwhile)
        committer.take_in([home.message([home.record(5)])], datetime.now(UTC))
    assert whose(owner) == {5: home.patient_id}

    assert not attribution.follow(worker, home.now + timedelta(minutes=1))
    assert attribution.follow(worker, home.now + assignments.LOOK_AGAIN_AFTER)
    assert whose(owner) == {5: bob}


def test_what_was_decided_long_ago_is_decided_anew_before_it_is_written(
    worker: Any, owner: Owner, database: Any, home: Any, bob: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database can have been out of a worker's reach while people at the console changed an assignment."""
    messages, stored_at = [home.message([home.record(5)])], datetime.now(UTC)
    with database.connect("homevitals_ingest") as connection:
        connection.autocommit = True
        committer = Committer(connection)
        plans = committer.plan(messages, stored_at)
        handed_on(database, home, bob, 20)
        drain(worker, home)
        batch = ingest_worker._Batch([], messages, plans, stored_at)
        with monkeypatch.context() as patched:
            later = stored_at + ingest_worker._DECISIONS_HOLD + timedelta(seconds=1)
            patched.setattr(ingest_worker, "_now", lambda: later)
            ingest_worker._written(committer, batch, plans)
    assert whose(owner) == {5: bob}
    # Otherwise the second look finds it.
    assert 2 * ingest_worker._DECISIONS_HOLD < assignments.LOOK_AGAIN_AFTER


def test_a_reading_that_somebody_else_corrects_meanwhile_is_looked_at_again(
    take_in: Callable[..., None],
    worker: Any,
    owner: Owner,
    database: Any,
    home: Any,
    bob: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_in(5)
    handed_on(database, home, bob, 20)
    replace_in_place = corrections.replace

    def outrun(cur: Any, correction: Correction, wanted: Any) -> int:
        monkeypatch.undo()
        (former, _), *_ = wanted
        decoded = former._replace(reading_id=uuid4(), version=2, pulse_bpm=61.0)
        other = Correction(
            home.practice_id, uuid4(), home.now, Cause.PROFILE, "redecode", "a newer profile"
        )
        with (
            database.connect("homevitals_ingest") as connection,
            tenancy.transaction(connection, home.practice_id) as others,
        ):
            assert replace_in_place(others, other, [(former, decoded)]) == 1
        return replace_in_place(cur, correction, wanted)

    monkeypatch.setattr(corrections, "replace", outrun)
    drain(worker, home)

    assert whose(owner) == {5: bob}
    assert owner.execute(
        "select version, patient_id, pulse_bpm from ingest.reading_series where superseded_at is null"
    ).fetchall() == [(3, bob, 61.0)]


def test_several_workers_at_once_replace_each_reading_once(
    take_in: Callable[..., None], owner: Owner, database: Any, home: Any, bob: UUID
) -> None:
    take_in(*range(1, 61))
    for minutes_ago in (40, 20):
        handed_on(database, home, bob, minutes_ago)
    start = threading.Barrier(3)

    def work() -> None:
        with psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True) as connection:
            start.wait()
            drain(connection, home, batch_size=7)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert owner.execute("select count(*) from ingest.attribution_work").fetchone() == (0,)
    final = whose(owner)
    assert len(final) == 60
    assert {seq for seq, patient_id in final.items() if patient_id == bob} == set(range(1, 41))
    assert owner.execute(
        "select count(*), count(distinct original_id) from ingest.reading_version"
    ).fetchone() == (40, 40)


def test_work_that_fails_waits_longer_each_time_and_stops_no_other(
    take_in: Callable[..., None],
    worker: Any,
    owner: Owner,
    database: Any,
    home: Any,
    bob: UUID,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    take_in(5)
    while attribution.follow(worker, home.now):
        pass
    handed_on(database, home, bob, 20)

    def fail(*_: Any) -> int:
        raise ValueError("128 over 79")

    with monkeypatch.context() as patched:
        patched.setattr(corrections, "replace", fail)
        assert attribution.follow(worker, home.now)
    assert owner.execute(
        "select attempts, last_error, due_at from ingest.attribution_work where attempts > 0"
    ).fetchall() == [(1, "ValueError", home.now + timedelta(seconds=2))]
    assert "128 over 79" not in str([vars(record) for record in caplog.records])

    drain(worker, home)
    assert whose(owner) == {5: bob}


def test_the_service_follows_by_itself_and_survives_the_loss_of_its_connection(
    take_in: Callable[..., None], owner: Owner, database: Any, home: Any, bob: UUID
) -> None:
    take_in(5)
    assignments_change = Follower("attribution", attribution.follow, 0.1)
    with follower.following(database.conninfo("homevitals_ingest"), assignments_change):
        _wait_until(lambda: _work_due(owner) == 0)
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'homevitals_ingest'"
            " and datname = current_database()"
        )
        handed_on(database, home, bob, 20)
        _wait_until(lambda: whose(owner) == {5: bob})
    assert "attribution" not in {thread.name for thread in threading.enumerate()}


def _work_due(owner: Owner) -> int:
    (found,) = owner.execute(
        "select count(*) from ingest.attribution_work where due_at <= now()"
    ).fetchone() or (0,)
    return int(found)


def _wait_until(holds: Callable[[], bool], timeout_s: float = 45) -> None:
    deadline = threading.Event()
    threading.Timer(timeout_s, deadline.set).start()
    while not holds():
        assert not deadline.wait(0.05), "it did not become so"


# What people and gateways do, in any order: (what, between how many minutes ago, whether for Bob).
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["read", "part", "time", "void", "end", "assign", "follow"]),
        st.integers(1, 60),
        st.integers(1, 60),
        st.booleans(),
    ),
    min_size=3,
    max_size=14,
)


@hypothesis.settings(
    max_examples=15,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
    ],
)
@hypothesis.given(deeds=DEEDS)
@pytest.mark.parametrize("database", ["partitions"], indirect=True)
def test_whatever_the_order_each_reading_ends_as_the_final_assignments_say(
    take_in: Callable[..., None],
    worker: Any,
    owner: Owner,
    database: Any,
    home: Any,
    bob: UUID,
    deeds: list[tuple[str, int, int, bool]],
) -> None:
    with database.connect("homevitals_console") as console:
        scopes.work_for(console, home.practice_id)
        for what, minute, other_minute, is_bobs in deeds:
            if what == "read":
                take_in(minute)
            elif what == "follow":
                attribution.follow(worker, home.now, batch_size=3)
            else:
                _change(console, home, what, minute, other_minute, bob if is_bobs else None)
        drain(worker, home, batch_size=5)
        with console.transaction():
            in_force = [
                one
                for one in assignments.of_peripheral(
                    console.cursor(), home.practice_id, home.peripheral_id
                )
                if one.voided_at is None
            ]
    for seq, patient_id in whose(owner).items():
        at = home.now - seq * MINUTE
        expected = [
            one.patient_id
            for one in in_force
            if one.valid_from <= at < one.span.ends_at and one.user_slot is None
        ]
        assert [patient_id] == (expected or [None]), seq
    assert owner.execute("select count(*) from ingest.attribution_work").fetchone() == (0,)


def _change(
    console: psycopg.Connection[Any],
    home: Any,
    what: str,
    minute: int,
    other_minute: int,
    bob: UUID | None,
) -> None:
    """Change an assignment as people may; what the store refuses changes nothing."""
    from_at, until_at = (
        home.now - m * MINUTE for m in sorted((minute, other_minute), reverse=True)
    )
    told: dict[str, Any] = {"reason": "r", "corrected_by": "c", "at": home.now}
    try:
        with console.transaction(), console.cursor() as cur:
            found = assignments.of_peripheral(cur, home.practice_id, home.peripheral_id)
            living = [one for one in found if one.voided_at is None]
            chosen = random.Random(minute).choice(living) if living else None
            if what == "assign":
                assignments.assign(
                    cur, home.practice_id, peripheral_id=home.peripheral_id, user_slot=None,
                    patient_id=bob or home.patient_id, valid_from=from_at, valid_until=until_at,
                    assigned_by="c", at=home.now,
                )  # fmt: skip
            elif chosen is None:
                return
            elif what == "part":
                spans = assignments.with_part_of(chosen.span, bob, from_at, until_at)
                assignments.correct(cur, home.practice_id, chosen, spans, **told)
            elif what == "time":
                spans = [Span(chosen.patient_id, from_at, until_at)]
                assignments.correct(cur, home.practice_id, chosen, spans, **told)
            elif what == "void":
                assignments.correct(cur, home.practice_id, chosen, [], **told)
            else:
                assignments.end(
                    cur, home.practice_id, chosen, valid_until=from_at, ended_by="c", at=home.now
                )
    except RefusedByStoreError:
        return
