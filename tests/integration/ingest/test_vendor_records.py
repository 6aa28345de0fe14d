"""Records of proprietary protocols on their way into the store: known again, told apart, with their user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from firmware_profiles.protocols import omron_frames, omron_memory, onetouch_verio
from firmware_profiles.protocols.omron_frames import Frame
from firmware_profiles.wire import ReceiptStatus, Record
from ingest.commit import Committer
from ingest.receipts import Fate

pytestmark = pytest.mark.db

STORED, DUPLICATE = Fate(ReceiptStatus.STORED), Fate(ReceiptStatus.DUPLICATE)


@pytest.fixture
def committer(database: Any) -> Iterator[Committer]:
    connection = psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True)
    yield Committer(connection)
    connection.close()


@pytest.fixture
def take_in(committer: Committer, home: Any) -> Callable[..., list[Fate]]:
    def take_in(*records: Record, epoch: str | None = None) -> list[Fate]:
        opened = home.message([replace(one, seq=n) for n, one in enumerate(records, 1)], epoch)
        return list(committer.take_in([opened], datetime.now(UTC)).values())

    return take_in


def of(home: Any, profile_id: str, characteristic: str, raw: bytes) -> Record:
    record: Record = home.record(1)
    return replace(record, profile_id=profile_id, characteristic=characteristic, raw=raw)


def verio(home: Any, hours_ago: int, glucose_mg_dl: int = 131, tag: int = 0) -> Record:
    taken_at = (home.now - timedelta(hours=hours_ago)).replace(tzinfo=None)
    raw = onetouch_verio.encode(taken_at, glucose_mg_dl, tag=tag)
    return of(home, "onetouch-verio", onetouch_verio.ANSWERS, raw)


def omron(home: Any, user: int, place: int) -> Record:
    layout = omron_memory.HEM_7322T.layout
    span = layout.places()[(user - 1) * layout.ring_size + place]
    content = layout.record((home.now - timedelta(hours=1)).replace(tzinfo=None), 131, 84, 66)
    raw = Frame(omron_frames.ANSWER | omron_frames.READ, span.address, span.size, content)
    return of(home, "omron-hem-7322t", omron_frames.FROM_CUFF[0], raw.to_bytes())


def stored(owner: psycopg.Connection[Any], *columns: str) -> list[tuple[Any, ...]]:
    return owner.execute(
        f"select {', '.join(columns)} from ingest.reading_series order by measured_at, user_slot"
    ).fetchall()


def test_onetouch_record_is_one_reading_however_it_comes(
    take_in: Callable[..., list[Fate]], home: Any, owner: psycopg.Connection[Any]
) -> None:
    assert take_in(verio(home, 3), verio(home, 2, 648)) == [STORED, STORED]
    # Another gateway, after more tests, and after its user has tagged it.
    again = take_in(verio(home, 1), verio(home, 2, 648), verio(home, 3, tag=2), epoch=uuid4().hex)
    assert again == [STORED, DUPLICATE, DUPLICATE]
    columns = ("kind", "result", "glucose_mg_dl", "sequence_number")
    assert stored(owner, *columns) == [
        ("glucose", "measured", 131.0, None),
        ("glucose", "above_range", None, None),
        ("glucose", "measured", 131.0, None),
    ]


def test_omron_records_with_equal_numbers_are_two_when_they_are_two_users(
    take_in: Callable[..., list[Fate]], home: Any, owner: psycopg.Connection[Any]
) -> None:
    assert take_in(omron(home, 1, 4), omron(home, 2, 4)) == [STORED, STORED]
    assert take_in(omron(home, 2, 4), omron(home, 1, 4), epoch=uuid4().hex) == [DUPLICATE] * 2
    assert stored(owner, "kind", "systolic_mmhg", "user_slot") == [
        ("blood_pressure", 131.0, 1),
        ("blood_pressure", 131.0, 2),
    ]
