from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from deploy.ports import wait_until
from ingest import named_queries, session_leases
from ingest.session_leases import SessionLeases

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]

Make = Callable[..., SessionLeases]


@pytest.fixture
def make(database: Any) -> Iterator[Make]:
    made: list[SessionLeases] = []

    def make(own: int, count: int = 2) -> SessionLeases:
        made.append(SessionLeases(database.conninfo("homevitals_ingest"), count, own))
        return made[-1]

    yield make
    for leases in made:
        leases.close()


def comes_to(leases: SessionLeases, held: list[int]) -> bool:
    # The server lets go of a lease when its backend has ended, a moment after the connection has.
    return wait_until(lambda: leases.refresh() == held, timeout_s=20)


def test_one_worker_alone_holds_all_sessions(make: Make) -> None:
    assert make(2, count=3).refresh() == [2, 1, 3]


def test_sessions_are_shared_as_workers_come_and_go(make: Make) -> None:
    first, second = make(1), make(2)
    assert first.refresh() == [1, 2]

    assert second.refresh() == []  # the first has not seen it yet
    assert first.refresh() == [1]
    assert second.refresh() == [2]

    first.close()
    assert comes_to(second, [2, 1])


def test_leases_end_with_the_connection_and_are_taken_again(make: Make, database: Any) -> None:
    first, second = make(1, count=1), make(1, count=1)
    assert (first.refresh(), second.refresh()) == ([1], [])
    with database.connect() as owner:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'homevitals_ingest' and datname = current_database()"
        )
    with pytest.raises(psycopg.Error):
        first.refresh()
    with pytest.raises(psycopg.Error):
        second.refresh()

    assert comes_to(second, [1])
    assert first.refresh() == []


def test_a_worker_too_many_waits(make: Make) -> None:
    workers = [make(number, count=2) for number in (1, 2, 3)]
    for _ in range(2):
        held = [worker.refresh() for worker in workers]

    assert sorted(one for sessions in held for one in sessions) == [1, 2]
    assert [] in held


@pytest.mark.parametrize(
    ("sessions", "workers", "share"), [(1, 1, 1), (4, 2, 2), (4, 3, 2), (2, 3, 1), (3, 0, 3)]
)
def test_shares_leave_no_session_alone(
    database: Any, sessions: int, workers: int, share: int
) -> None:
    assert session_leases.fair_share(sessions, workers) == share
    assert share * max(workers, 1) >= sessions


def test_every_statement_runs_with_the_rights_of_ingest(database: Any) -> None:
    queries = named_queries.load("ingest", "session_leases")
    with database.connect("homevitals_ingest") as connection:
        for name in ("announce", "count_workers", "take_session", "give_session_back"):
            connection.execute(getattr(queries, name), {"number": 1})
    assert set(queries) == {"announce", "count_workers", "take_session", "give_session_back"}
