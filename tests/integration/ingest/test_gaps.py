"""Numbers of an outbox that have not arrived are known, with what that means."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ccm_link.console.words import gateway_words
from deploy import cli, scheduler
from deploy.settings import SchedulerSettings
from ingest import gaps, tenancy
from ingest.commit import Committer
from ingest.gaps import Gap

pytestmark = pytest.mark.db

OLD, NEW = "0" * 32, "f" * 32


@pytest.fixture
def committer(database: Any) -> Iterator[Committer]:
    conninfo = database.conninfo("homevitals_ingest")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield Committer(connection)


def take_in(committer: Committer, home: Any, epoch: str, seqs: list[int], at: datetime) -> None:
    committer.take_in([home.message([home.record(seq) for seq in seqs], epoch)], at)


def found(database: Any, home: Any) -> list[Gap]:
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, home.practice_id) as cur,
    ):
        return gaps.of_practice(cur, home.practice_id)


def test_nothing_is_missing_when_all_numbers_came_in_whatever_order(
    committer: Committer, home: Any, database: Any
) -> None:
    for seqs in ([3], [1], [2]):
        take_in(committer, home, NEW, seqs, datetime.now(UTC))
    assert found(database, home) == []


def test_what_is_missing_is_on_its_way_until_it_comes(
    committer: Committer, home: Any, database: Any
) -> None:
    at = datetime.now(UTC)
    take_in(committer, home, NEW, [2, 3, 9], at)

    (gap,) = found(database, home)

    assert (gap.holes, gap.missing_count, gap.is_superseded) == ([(1, 1), (4, 8)], 6, False)
    assert gap.gap_since == at
    assert gateway_words.gap(gap).label == "6 records on the way"
    assert gateway_words.numbers(gap) == "number 1, numbers 4 to 8"
    take_in(committer, home, NEW, [1, 4, 5, 6, 7, 8], at + timedelta(minutes=1))
    assert found(database, home) == []


def test_record_in_quarantine_is_not_missing(
    committer: Committer, home: Any, database: Any
) -> None:
    records = [home.record(1, raw=b"\0"), home.record(2)]
    committer.take_in([home.message(records, NEW)], datetime.now(UTC))
    assert found(database, home) == []


def test_what_is_missing_of_an_outbox_that_was_replaced_is_lost(
    committer: Committer, home: Any, database: Any
) -> None:
    at = datetime.now(UTC)
    take_in(committer, home, OLD, [1, 3], at)
    take_in(committer, home, NEW, [2], at + timedelta(hours=1))

    newer, older = found(database, home)

    assert (newer.epoch, newer.is_superseded, newer.holes) == (NEW, False, [(1, 1)])
    assert (older.epoch, older.is_superseded, older.holes) == (OLD, True, [(2, 2)])
    assert "lost" in gateway_words.gap(older).label


def test_many_holes_are_counted_and_the_first_are_written_out(
    committer: Committer, home: Any, database: Any
) -> None:
    for first in (2, 202):
        seqs = list(range(first, first + 200, 2))
        take_in(committer, home, NEW, seqs, datetime.now(UTC))

    (gap,) = found(database, home)

    assert gap.missing_count == 200
    assert len(gap.holes) == 100
    assert gateway_words.numbers(gap).endswith("number 9 and more")


def test_other_practices_gaps_are_not_there(
    committer: Committer, home: Any, other_home: Any, database: Any
) -> None:
    take_in(committer, home, NEW, [2], datetime.now(UTC))
    assert found(database, other_home) == []


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(minutes=59), None),
        (timedelta(minutes=61), {"waiting": 1, "lost": 1}),
        # The lost one was said for a day.
        (timedelta(hours=26), {"waiting": 1, "lost": 0}),
    ],
)
def test_scheduler_says_what_is_missing_for_long(
    committer: Committer,
    home: Any,
    database: Any,
    caplog: pytest.LogCaptureFixture,
    age: timedelta,
    said: dict[str, int] | None,
) -> None:
    now = datetime.now(UTC)
    take_in(committer, home, OLD, [2], now - age - timedelta(seconds=1))
    take_in(committer, home, NEW, [2], now - age)

    with database.connect("homevitals_scheduler") as connection, caplog.at_level(logging.WARNING):
        scheduler.watch_gaps(connection, SchedulerSettings(), now)

    told = [record for record in caplog.records if record.message == "outbox_gaps"]
    assert [{name: getattr(one, name) for name in ("waiting", "lost")} for one in told] == (
        [] if said is None else [said]
    )


def test_command_prints_words_and_json(
    committer: Committer,
    home: Any,
    database: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, role in (("DATABASE", "console"), ("ENTRANCE_DATABASE", "entrance")):
        conninfo = database.conninfo(f"homevitals_{role}")
        monkeypatch.setenv(f"HOMEVITALS_CCM_LINK_{name}", conninfo)
    assert cli.main(["gaps"]) == 0
    assert "nothing is missing" in capsys.readouterr().err
    take_in(committer, home, NEW, [1, 3], datetime.now(UTC))
    assert cli.main(["gaps"]) == 0
    assert "1 record on the way" in capsys.readouterr().out
    assert cli.main(["gaps", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["gateway_id"], told["holes"]) == (home.gateway_id, [{"first": 2, "last": 2}])


def test_words_for_one_hole_and_for_several(home: Any) -> None:
    at = home.now
    gap = Gap("gw-aaaa1111", "Kitchen", NEW, at, at, at, is_superseded=False, missing_count=1,
              firsts=[4], lasts=[4])  # fmt: skip
    assert gateway_words.numbers(gap) == "number 4"
    assert gateway_words.gap(replace(gap, is_superseded=True)).is_fine is False
