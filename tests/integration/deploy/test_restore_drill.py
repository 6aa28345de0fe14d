"""The drill: a backup from before some readings is restored, gateways send again, and everything is there once."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from alerts import evaluator
from alerts.settings import AlertsSettings
from ccm_link.care_side import CARE_SIDE
from ccm_link.program import enrolment
from deploy import backup_folder, cli
from firmware_profiles import topics, wire
from firmware_profiles.wire import ReceiptStatus
from gateway.outbox import Outbox
from gateway.record import CapturedRecord
from gateway.uplink import wire_record
from ingest import receipts
from ingest.arrivals import Arrival, open_message
from ingest.commit import Committer
from tests import audit_trail, single_limits
from tests.integration.ingest.conftest import Home, add_home

pytestmark = pytest.mark.db

_numbers = itertools.count()

READINGS = (
    "select measured_at, systolic_mmhg, raw, patient_id, outbox_epoch, outbox_seq"
    " from ingest.reading_series order by measured_at"
)
EPISODES = (
    "select patient_id, rule_id, breach_count, breached_at, closed_at is null"
    " from alerts.episode order by rule_id, breached_at"
)
TASKS = "select count(*) from ccm.task"
QUARANTINED = "select raw, reason from ingest.quarantine order by raw"


@pytest.fixture
def home(database: Any) -> Home:
    """A home whose patient is enrolled, in a practice with rules."""
    with psycopg.connect(database.conninfo("postgres")) as connection, connection.cursor() as cur:
        home = add_home(cur)
        begun_at = home.now - timedelta(days=30)
        single_limits.adopt(cur, home.practice_id, set_by="test", at=begun_at)
        enrolment.enrol(
            cur,
            home.practice_id,
            home.patient_id,
            consent_documented_at=begun_at,
            enrolled_by="test",
        )
    return home


@pytest.fixture
def outbox(tmp_path: Path, home: Home) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "gateway", home.now)
    yield outbox
    outbox.close()


def measure(outbox: Outbox, home: Home, *minutes_ago_and_systolic: tuple[int, int]) -> None:
    """Let the cuff measure; a systolic of 0 is a frame that nobody can read."""
    for minutes_ago, systolic_mmhg in minutes_ago_and_systolic:
        record = home.record(minutes_ago, systolic_mmhg)
        outbox.append(
            CapturedRecord(
                peripheral=record.peripheral,
                profile_id=record.profile_id,
                profile_version=record.profile_version,
                characteristic=record.characteristic,
                raw=record.raw if systolic_mmhg else record.raw[:3],
                received_at=record.received_at,
                gateway_clock=record.gateway_clock,
                device_clock_offset_s=record.device_clock_offset_s,
                time_zone=record.time_zone,
                link=record.link,
            )
        )


def deliver(outbox: Outbox, home: Home, database: Any) -> Counter[ReceiptStatus]:
    """Send what waits, store it, bring the receipts back, evaluate."""
    rows = outbox.waiting(100)
    outbox.mark_published([row.seq for row in rows], datetime.now(UTC))
    batch = wire.Batch(
        home.gateway_id, outbox.epoch, home.now, tuple(wire_record(row) for row in rows)
    )
    arrival = Arrival(
        uuid4(),
        topics.readings(home.gateway_id),
        wire.encode_batch(batch),
        1,
        datetime.now(UTC),
        is_retained=False,
    )
    with psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True) as connection:
        fates = Committer(connection).take_in([open_message(arrival)], datetime.now(UTC))
    for _, receipt in receipts.receipts(fates):
        outbox.apply_receipt(receipt, datetime.now(UTC))
    settings = AlertsSettings(database=database.conninfo("homevitals_alerts"))
    with psycopg.connect(settings.database, autocommit=True) as connection:
        while evaluator.evaluate_batch(connection, settings, CARE_SIDE, datetime.now(UTC)):
            pass
    return Counter(fate.status for fate in fates.values())


def looked_at(database: Any, statement: str) -> Sequence[Any]:
    with psycopg.connect(database.conninfo("postgres")) as admin:
        return admin.execute(statement).fetchall()


def test_what_came_after_the_backup_comes_back_once(
    database: Any, empty_database: Any, home: Home, outbox: Outbox, tmp_path: Path
) -> None:
    """Source: fault F42, restore from a backup a day old."""
    config = tmp_path / "server.toml"
    config.write_text(
        f'[audit]\ndatabase = "{database.conninfo("homevitals_sealer")}"\n'
        f'anchor_file = "{tmp_path / "anchors.jsonl"}"\n'
        f'signing_key_file = "{tmp_path / "anchors.key"}"\n'
    )
    measure(outbox, home, (300, 128), (290, 187), (280, 0))
    assert deliver(outbox, home, database) == {
        ReceiptStatus.STORED: 2,
        ReceiptStatus.QUARANTINED: 1,
    }
    folder = tmp_path / "backup"
    words = ["--database", database.conninfo("postgres"), "--config", str(config)]
    assert cli.main(["backup", "create", str(folder), *words]) == 0
    # A second breach of the same episode, one of another, and bytes that nobody can read.
    measure(outbox, home, (200, 188), (190, 126), (180, 0), (170, 84))
    assert deliver(outbox, home, database) == {
        ReceiptStatus.STORED: 3,
        ReceiptStatus.QUARANTINED: 1,
    }
    assert outbox.waiting_count == 0
    before = [looked_at(database, one) for one in (READINGS, EPISODES, TASKS, QUARANTINED)]
    assert len(before[0]) == 5

    target = ["--into", empty_database.conninfo("postgres"), "--config", str(config)]
    assert cli.main(["backup", "restore", str(folder), *target]) == 0
    assert len(looked_at(empty_database, READINGS)) == 2
    manifest, _ = backup_folder.read_manifest(folder)
    assert outbox.resend(manifest.contents.taken_at - timedelta(hours=1)) == 7
    assert deliver(outbox, home, empty_database) == {
        ReceiptStatus.STORED: 3,
        ReceiptStatus.DUPLICATE: 2,
        ReceiptStatus.QUARANTINED: 2,
    }

    after = [looked_at(empty_database, one) for one in (READINGS, EPISODES, TASKS, QUARANTINED)]
    assert after == before
    assert outbox.waiting_count == 0
    audit_trail.seal_all(empty_database, datetime.now(UTC))
    restored = tmp_path / "restored.toml"
    restored.write_text(config.read_text().replace(database.name, empty_database.name))
    assert cli.main(["audit", "verify", "--config", str(restored)]) == 0
    assert looked_at(
        empty_database,
        "select detail ->> 'lost_from' from ingest.audit_event where kind = 'restored'",
    ) == [(manifest.contents.taken_at.isoformat(),)]
