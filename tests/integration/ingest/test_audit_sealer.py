from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ingest import (
    audit,
    audit_anchor_reader,
    audit_chain,
    audit_key,
    audit_sealer,
    audit_verification,
    tenancy,
)
from ingest.audit_settings import AuditSettings
from ingest.audit_verification import Limits
from ingest.errors import AnchorError, AnchorReason
from ingest.tenancy import NOBODYS
from tests import audit_trail
from tests.audit_trail import NOW, ONE, OTHER, SEALED_AT, event

# The trail knows nothing of how readings are stored: one engine is enough.
pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]


def is_whole(database: Any) -> bool:
    with audit_trail.sealer(database) as connection:
        limits = Limits(NOW + timedelta(days=36500))
        return audit_verification.verify(connection, None, limits).is_whole


def test_events_become_gapless_chains_one_for_each_practice(database: Any) -> None:
    audit_trail.filled(database)
    for practice_id in (ONE, OTHER, NOBODYS):
        assert audit_trail.links(database, practice_id) == [
            (number, event(number, practice_id).event_id) for number in range(1, 9)
        ]
    assert audit_trail.pending(database) == 0
    assert is_whole(database)


def test_a_second_round_continues_the_first(database: Any) -> None:
    audit_trail.filled(database, 3)
    audit_trail.record(database, [event(4), event(5)])
    with audit_trail.sealer(database) as connection:
        assert audit_sealer.seal(connection, SEALED_AT, limit=1) == 1
        assert audit_sealer.seal(connection, SEALED_AT, limit=1) == 1
        assert audit_sealer.seal(connection, SEALED_AT, limit=1) == 0
    assert [position for position, _ in audit_trail.links(database)] == [1, 2, 3, 4, 5]
    assert is_whole(database)


def test_the_hash_in_the_chain_is_that_of_the_event_as_it_was_recorded(database: Any) -> None:
    made = event(
        1, detail={"n": 1.50, "big": 1e22, "x": [], "é": "🙂\n", "deep": {"a": {"b": None}}}
    )
    audit_trail.record(database, [made])
    audit_trail.seal_all(database)
    expected = audit_chain.event_sha256(audit_chain.columns_of(made))
    with database.connect("postgres") as connection:
        assert connection.execute("select event_sha256 from ingest.audit_link").fetchone() == (
            expected,
        )
        assert connection.execute("select chain_sha256 from ingest.audit_link").fetchone() == (
            audit_chain.chain_sha256(
                audit_chain.genesis(ONE),
                audit_chain.Link(ONE, 1, made.event_id, expected, SEALED_AT),
            ),
        )


def test_an_event_that_commits_late_is_sealed_late_and_not_lost(database: Any) -> None:
    with psycopg.connect(database.conninfo("homevitals_console")) as slow:
        with slow.cursor() as cur:
            tenancy.enter(cur, tenancy.Scope((ONE,)))
            audit.record(cur, [event(1)])
        audit_trail.record(database, [event(2)])
        assert audit_trail.seal_all(database) == 1
        slow.commit()
    assert audit_trail.seal_all(database) == 1
    assert audit_trail.links(database) == [(1, event(2).event_id), (2, event(1).event_id)]


def test_an_event_that_is_in_the_queue_again_is_not_sealed_twice(database: Any) -> None:
    audit_trail.filled(database, 2)
    with database.connect("postgres") as connection:
        connection.execute(
            "insert into ingest.audit_pending values (%s, %s)", (ONE, event(1).event_id)
        )
    audit_trail.record(database, [event(3)])
    assert audit_trail.seal_all(database) == 2
    assert [position for position, _ in audit_trail.links(database)] == [1, 2, 3]
    assert is_whole(database)


def test_an_event_nested_too_deeply_to_read_stops_nobody(database: Any) -> None:
    deep: Any = None
    for _ in range(500):
        deep = [deep]
    audit_trail.record(database, [event(1, detail={"x": deep}), event(2)])
    assert audit_trail.seal_all(database) == 2
    assert is_whole(database)


def test_while_one_sealer_has_the_turn_the_other_does_nothing(database: Any) -> None:
    audit_trail.record(database, [event(1)])
    with audit_trail.sealer(database) as one, audit_trail.sealer(database) as other:
        with one.transaction():
            one.execute("select pg_advisory_xact_lock(hashtextextended('ingest.audit_sealer', 0))")
            assert audit_sealer.seal(other, SEALED_AT) == 0
        assert audit_sealer.seal(other, SEALED_AT) == 1


def write_at_random(database: Any, seed: int) -> None:
    drawn = random.Random(seed)
    practices = [ONE, OTHER, NOBODYS]
    audit_trail.record(
        database,
        [event(number, drawn.choice(practices), event_id=uuid4()) for number in range(1, 151)],
    )


def seal_until(database: Any, is_recorded: threading.Event) -> None:
    with audit_trail.sealer(database) as connection:
        while not is_recorded.is_set() or audit_trail.pending(database):
            audit_sealer.seal(connection, SEALED_AT, limit=7)


def test_two_sealers_at_once_never_fork_a_chain(database: Any) -> None:
    is_recorded = threading.Event()
    with ThreadPoolExecutor(5) as pool:
        sealers = [pool.submit(seal_until, database, is_recorded) for _ in range(2)]
        writers = [pool.submit(write_at_random, database, seed) for seed in range(3)]
        try:
            for writer in writers:
                writer.result(60)
        finally:
            is_recorded.set()
        for one in sealers:
            one.result(60)
    found = {one: audit_trail.links(database, one) for one in (ONE, OTHER, NOBODYS)}
    assert sum(map(len, found.values())) == 450
    for chain in found.values():
        assert [position for position, _ in chain] == list(range(1, len(chain) + 1))
    assert is_whole(database)


@pytest.fixture
def settings(database: Any, tmp_path: Path) -> AuditSettings:
    return AuditSettings(
        database=database.conninfo("homevitals_sealer"),
        anchor_file=tmp_path / "anchors.jsonl",
        signing_key_file=tmp_path / "anchors.key",
        anchor_every_minutes=0.01,
    )


def as_process(settings: AuditSettings, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "audit", "seal"],
            stderr=out,
            env=os.environ
            | {
                "HOMEVITALS_AUDIT_DATABASE": settings.database,
                "HOMEVITALS_AUDIT_ANCHOR_FILE": str(settings.anchor_file),
                "HOMEVITALS_AUDIT_SIGNING_KEY_FILE": str(settings.signing_key_file),
                "HOMEVITALS_AUDIT_ANCHOR_EVERY_MINUTES": str(settings.anchor_every_minutes),
            },
        )


def wait_until(condition: Callable[[], bool], log: Path, timeout_s: float = 60) -> None:
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, log.read_text()
        time.sleep(0.02)


def enqueue(database: Any, count: int, first: int) -> None:
    with (
        psycopg.connect(database.conninfo("homevitals_console")) as connection,
        tenancy.transaction(connection, ONE) as cur,
    ):
        audit.record(cur, [event(first + number) for number in range(count)])


@pytest.mark.timeout(300)
def test_a_sealer_killed_again_and_again_seals_everything_exactly_once(
    database: Any, settings: AuditSettings, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    drawn = random.Random(4)
    total = 0
    for _ in range(3):
        enqueue(database, 3000, total + 1)
        total += 3000
        waiting = audit_trail.pending(database)
        process = as_process(settings, log)
        try:
            # Killed in the middle of the backlog, at another point each time.
            wait_until(lambda: audit_trail.pending(database) < waiting, log)  # noqa: B023
            time.sleep(drawn.uniform(0, 0.2))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
    last = as_process(settings, log)
    try:
        wait_until(lambda: audit_trail.pending(database) == 0, log)
    finally:
        last.terminate()
    assert last.wait(20) == 0, log.read_text()
    chain = audit_trail.links(database)
    assert [position for position, _ in chain] == list(range(1, total + 1))
    assert len({event_id for _, event_id in chain}) == total
    anchors = audit_anchor_reader.read(
        settings.anchor_file, audit_key.public(audit_key.public_file(settings.signing_key_file))
    )
    assert anchors.fault is None
    # The last anchor was signed at the stop and holds all.
    assert max(head.position for head in anchors.of(ONE)) == total
    with audit_trail.sealer(database) as connection:
        limits = Limits(NOW + timedelta(days=36500), anchored_within=timedelta(minutes=1))
        verdict = audit_verification.verify(connection, anchors, limits)
    assert verdict.words()[-1] == "the trail is whole"
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events[-1] == "sealer_stopped"


def run_until(settings: AuditSettings, condition: Callable[[], bool], log: Path) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=audit_sealer.run, args=(settings, stop))
    thread.start()
    try:
        wait_until(condition, log)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def test_an_anchor_file_that_cannot_be_written_does_not_stop_the_sealing(
    database: Any, settings: AuditSettings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    audit_key.make(settings.signing_key_file)
    nowhere = replace(settings, anchor_file=tmp_path / "nowhere" / "anchors.jsonl")
    audit_trail.record(database, [event(1)])
    run_until(nowhere, lambda: audit_trail.pending(database) == 0, tmp_path)
    assert "audit_not_anchored" in caplog.messages
    assert is_whole(database)


def test_a_sealer_survives_that_its_connection_is_ended(
    database: Any, settings: AuditSettings, tmp_path: Path
) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=audit_sealer.run, args=(settings, stop))
    thread.start()
    try:
        audit_trail.record(database, [event(1)])
        wait_until(lambda: audit_trail.pending(database) == 0, tmp_path)
        with psycopg.connect(database.conninfo("postgres"), autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'homevitals_sealer' and datname = current_database()"
            )
        audit_trail.record(database, [event(2)])
        wait_until(lambda: audit_trail.pending(database) == 0, tmp_path)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert len(audit_trail.links(database)) == 2


def test_a_sealer_does_not_start_on_anchors_whose_key_is_gone(
    database: Any, settings: AuditSettings, tmp_path: Path
) -> None:
    run_until(settings, settings.anchor_file.exists, tmp_path)
    settings.signing_key_file.unlink()
    with pytest.raises(AnchorError) as refused:
        audit_sealer.run(settings, threading.Event())
    assert refused.value.reason is AnchorReason.KEY_MISSING


def test_an_empty_trail_has_no_heads(database: Any) -> None:
    with audit_trail.sealer(database) as connection, connection.cursor() as cur:
        assert audit_sealer.heads(cur) == {}


def test_heads_are_the_last_links_of_all_chains(database: Any) -> None:
    audit_trail.filled(database, 5)
    audit_trail.record(database, [event(6, OTHER)])
    audit_trail.seal_all(database)
    with audit_trail.sealer(database) as connection, connection.cursor() as cur:
        found = audit_sealer.heads(cur)
    assert {one: head.position for one, head in found.items()} == {ONE: 5, OTHER: 6, NOBODYS: 5}
    assert isinstance(next(iter(found)), UUID)
