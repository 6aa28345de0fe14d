"""Somebody with all rights tampers with the trail, in every way that the chains and anchors are there against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ingest import audit_anchor_reader, audit_chain, audit_sealer, audit_verification
from ingest.audit_anchor import AnchorFile
from ingest.audit_anchor_reader import Anchors
from ingest.audit_chain import Link
from ingest.audit_findings import Finding, Place, Verdict
from ingest.audit_verification import Limits
from ingest.tenancy import NOBODYS
from tests import audit_trail
from tests.audit_trail import NOW, ONE, OTHER, SEALED_AT, event

# The trail knows nothing of how readings are stored: one engine is enough.
pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]

KEY = Ed25519PrivateKey.generate()
Admin = psycopg.Connection[Any]


@dataclass(frozen=True)
class Trail:
    """Eight events of each of three chains, sealed; anchored at positions 4 and 8."""

    database: Any
    anchor_file: Path

    def anchors(self) -> Anchors:
        return audit_anchor_reader.read(self.anchor_file, KEY.public_key())

    def anchor(self) -> None:
        with audit_trail.sealer(self.database) as connection, connection.cursor() as cur:
            AnchorFile(self.anchor_file, KEY).add(audit_sealer.heads(cur), SEALED_AT)

    def verify(self, *, with_anchors: bool = True, **limits: Any) -> Verdict:
        anchors = self.anchors() if with_anchors else None
        with audit_trail.sealer(self.database) as connection:
            return audit_verification.verify(connection, anchors, Limits(NOW, **limits))


@pytest.fixture
def trail(database: Any, tmp_path: Path) -> Trail:
    trail = Trail(database, tmp_path / "anchors.jsonl")
    practices = (ONE, OTHER, NOBODYS)
    for first in (1, 5):
        audit_trail.record(
            database,
            [event(first + step, practice) for practice in practices for step in range(4)],
        )
        audit_trail.seal_all(database)
        trail.anchor()
    return trail


@pytest.fixture
def admin(trail: Trail) -> Iterator[Admin]:
    """A superuser in a session where no trigger fires."""
    with psycopg.connect(trail.database.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


def test_a_trail_that_nobody_touched_is_whole(trail: Trail) -> None:
    verdict = trail.verify(anchored_within=timedelta(0))
    assert verdict == Verdict(
        (), 3, 24, 2, "2026-11-12T12:00:00.000000Z", is_anchor_file_torn=False
    )
    assert verdict.words() == [
        "checked 24 links of 3 chains",
        "held against 2 anchors, the last of 2026-11-12T12:00:00.000000Z",
        "the trail is whole",
    ]


def test_an_empty_trail_is_whole(database: Any) -> None:
    with audit_trail.sealer(database) as connection:
        verdict = audit_verification.verify(connection, Anchors(), Limits(NOW))
    assert verdict.is_whole
    assert "only internal consistency was checked" in verdict.words()[1]


def test_without_an_anchor_it_says_that_only_internal_consistency_was_checked(
    trail: Trail,
) -> None:
    verdict = trail.verify(with_anchors=False)
    assert verdict.is_whole
    assert verdict.as_json()["anchors"] is None
    assert "only internal consistency was checked" in verdict.words()[1]


def change(admin: Admin, column: str, expression: str, number: int = 3) -> None:
    changed = admin.execute(
        f"update ingest.audit_event set {column} = {expression} where event_id = %s",
        (event(number).event_id,),
    )
    assert changed.rowcount == 1


@contextmanager
def undone(admin: Admin, table: str) -> Iterator[None]:
    """Put a table back afterwards, as it was."""
    admin.execute(f"create temporary table kept as table {table}")
    yield
    admin.execute(f"truncate {table}")
    admin.execute(f"insert into {table} table kept")
    admin.execute("drop table kept")


EVENT_CHANGES = [
    ("at", "at + interval '1 microsecond'"),
    ("at", "'infinity'"),
    ("at", "at - interval '4051 years'"),
    ("kind", "'change'"),
    ("kind", "'no kind at all'"),
    ("action", "'U'"),
    ("outcome", "'refused'"),
    ("agent_kind", "'nobody'"),
    ("agent_id", "agent_id || 'x'"),
    ("agent_role", "'auditor'"),
    ("network", "''"),
    ("session", "'x'"),
    ("purpose", "'ETREAT'"),
    ("patient_ids", "'{}'"),
    ("resource", "'x'"),
    ("resource_id", "'x'"),
    ("detail", "detail || '{\"more\": 1}'"),
    ("detail", "jsonb_set(detail, '{ratio}', '0.10000000000000000001')"),
    ("detail", "jsonb_set(detail, '{deep,ü,0}', '\"نورا\"')"),
    ("detail", "(repeat('[', 5000) || repeat(']', 5000))::jsonb"),
]


def test_a_changed_event_is_named_by_its_position(
    trail: Trail, admin: Admin, subtests: pytest.Subtests
) -> None:
    for column, expression in EVENT_CHANGES:
        with subtests.test(expression), undone(admin, "ingest.audit_event"):
            change(admin, column, expression)
            found = trail.verify().findings
            assert found == (Finding(Place.EVENT_CHANGED, ONE, 3, event(3).event_id),)
    assert trail.verify().is_whole


def test_a_finding_is_told_in_words_and_to_programs(trail: Trail, admin: Admin) -> None:
    change(admin, "resource", "'x'")
    verdict = trail.verify()
    assert verdict.words()[-2:] == [
        f"practice {ONE}, position 3: event {event(3).event_id} is not what was sealed",
        "THE TRAIL IS NOT WHOLE",
    ]
    assert verdict.as_json() == {
        "whole": False,
        "chains": 3,
        "links": 24,
        "anchors": 2,
        "last_anchor_at": "2026-11-12T12:00:00.000000Z",
        "anchor_file_torn": False,
        "findings": [
            {
                "place": "event_changed",
                "practice_id": str(ONE),
                "position": 3,
                "event_id": str(event(3).event_id),
            }
        ],
    }


def test_of_several_places_the_first_of_each_chain_is_named(trail: Trail, admin: Admin) -> None:
    for number in (6, 3):
        change(admin, "resource", "'x'", number)
    admin.execute("delete from ingest.audit_event where event_id = %s", (event(7, OTHER).event_id,))
    found = trail.verify().findings
    assert [(one.place, one.practice_id, one.position) for one in found] == [
        (Place.EVENT_CHANGED, ONE, 3),
        (Place.EVENT_MISSING, OTHER, 7),
    ]


def test_a_missing_event_is_named(trail: Trail, admin: Admin) -> None:
    admin.execute("delete from ingest.audit_event where event_id = %s", (event(3).event_id,))
    found = (Finding(Place.EVENT_MISSING, ONE, 3, event(3).event_id),)
    assert trail.verify().findings == found
    assert trail.verify(with_anchors=False).findings == found


def test_a_missing_link_is_named_with_the_next_one(trail: Trail, admin: Admin) -> None:
    for position in (1, 3):
        with undone(admin, "ingest.audit_link"):
            admin.execute(
                "delete from ingest.audit_link where practice_id = %s and position = %s",
                (ONE, position),
            )
            assert trail.verify().findings == (
                Finding(Place.LINK_MISSING, ONE, position, next_position=position + 1),
            )


LINK_CHANGES = [
    "position = case position when 3 then 0 else position - 1 end where position >= 3",  # a gap closed
    "position = 7 - position where position in (3, 4)",  # two swapped
    "event_sha256 = sha256('x') where position = 3",
    "event_sha256 = '' where position = 3",
    "chain_sha256 = sha256('x') where position = 3",
    "sealed_at = sealed_at - interval '1 hour' where position = 3",
    "sealed_at = '-infinity' where position = 3",
    "event_id = gen_random_uuid() where position = 3",
]


def test_a_changed_or_moved_link_is_named(
    trail: Trail, admin: Admin, subtests: pytest.Subtests
) -> None:
    admin.execute("alter table ingest.audit_link drop constraint audit_link_pkey")
    admin.execute("alter table ingest.audit_link drop constraint audit_link_position_check")
    for statement in LINK_CHANGES:
        with subtests.test(statement), undone(admin, "ingest.audit_link"):
            admin.execute(f"update ingest.audit_link set {statement} and practice_id = %s", (ONE,))
            admin.execute("delete from ingest.audit_link where position = 0")
            (found,) = trail.verify().findings
            assert (found.place, found.practice_id, found.position) == (Place.LINK_CHANGED, ONE, 3)
    assert trail.verify().is_whole


def rewrite(admin: Admin, first: int) -> None:
    """Compute a chain anew from a position on, as somebody would who read how it is made."""
    rows = admin.execute(
        "select position, event_id, sealed_at from ingest.audit_link where practice_id = %s order by position",
        (ONE,),
    ).fetchall()
    previous = audit_chain.genesis(ONE)
    for position, event_id, sealed_at in rows:
        event_row = admin.execute(
            "select *, to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at_text,"
            " detail::text as detail_text from ingest.audit_event where event_id = %s",
            (event_id,),
        )
        names = [column.name for column in event_row.description or ()]
        (row,) = event_row.fetchall()
        stored = dict(zip(names, row, strict=True))
        stored |= {"at": stored["at_text"], "detail": stored["detail_text"]}
        event_sha256 = audit_chain.event_sha256(audit_chain.stored_columns(stored))
        link = Link(ONE, position, event_id, event_sha256, sealed_at)
        previous = audit_chain.chain_sha256(previous, link)
        if position >= first:
            admin.execute(
                "update ingest.audit_link set event_sha256 = %s, chain_sha256 = %s"
                " where practice_id = %s and position = %s",
                (event_sha256, previous, ONE, position),
            )


@pytest.mark.parametrize(("changed", "first_in_doubt", "line"), [(3, 1, 1), (6, 5, 2)])
def test_a_chain_written_anew_before_an_anchor_is_found_by_the_anchor(
    trail: Trail, admin: Admin, changed: int, first_in_doubt: int, line: int
) -> None:
    change(admin, "resource", "'x'", changed)
    rewrite(admin, changed)
    assert trail.verify(with_anchors=False).is_whole
    assert trail.verify().findings == (
        Finding(Place.REWRITTEN, ONE, first_in_doubt, next_position=line * 4, anchor_line=line),
    )


@pytest.mark.parametrize("with_events", [True, False], ids=["links and events", "links"])
def test_a_cut_tail_is_found_by_the_anchor_beyond_it(
    trail: Trail, admin: Admin, with_events: bool
) -> None:
    for last in (7, 4, 3):
        if with_events:
            admin.execute(
                "delete from ingest.audit_event event using ingest.audit_link link"
                " where link.event_id = event.event_id and link.practice_id = %s and link.position > %s",
                (ONE, last),
            )
        admin.execute(
            "delete from ingest.audit_link where practice_id = %s and position > %s", (ONE, last)
        )
        assert trail.verify(with_anchors=False).is_whole is with_events
        (found,) = trail.verify().findings
        assert found == Finding(Place.TAIL_CUT, ONE, last + 1, next_position=8, anchor_line=2)
        assert f"from position {last + 1} on" in found.words()


def test_a_tail_that_was_cut_and_grew_again_is_found(trail: Trail, admin: Admin) -> None:
    admin.execute("delete from ingest.audit_link where practice_id = %s and position > 6", (ONE,))
    admin.execute(
        "delete from ingest.audit_event where event_id = any (%s)",
        ([event(number).event_id for number in (7, 8)],),
    )
    audit_trail.record(trail.database, [event(number) for number in range(20, 24)])
    audit_trail.seal_all(trail.database)
    assert trail.verify(with_anchors=False).is_whole
    (found,) = trail.verify().findings
    assert found == Finding(Place.REWRITTEN, ONE, 5, next_position=8, anchor_line=2)


def test_a_chain_that_is_gone_as_a_whole_is_found(trail: Trail, admin: Admin) -> None:
    admin.execute("delete from ingest.audit_link where practice_id = %s", (OTHER,))
    admin.execute("delete from ingest.audit_event where practice_id = %s", (OTHER,))
    assert trail.verify(with_anchors=False).is_whole
    assert trail.verify().findings == (
        Finding(Place.CHAIN_GONE, OTHER, 1, next_position=8, anchor_line=2),
    )


def test_links_without_their_events_gone_leave_events_that_nobody_sealed(
    trail: Trail, admin: Admin
) -> None:
    admin.execute("delete from ingest.audit_link where practice_id = %s and position > 6", (ONE,))
    (found,) = trail.verify(with_anchors=False).findings
    assert found == Finding(Place.NEVER_SEALED, ONE, event_id=event(7).event_id)


def test_an_event_put_in_beside_the_product_is_found_at_once(trail: Trail, admin: Admin) -> None:
    made = event(30, at=NOW)
    audit_trail.record(trail.database, [made])
    admin.execute("delete from ingest.audit_pending")
    assert trail.verify().findings == (Finding(Place.NEVER_SEALED, ONE, event_id=made.event_id),)


def test_an_event_may_wait_for_the_sealer_a_while_and_no_longer(trail: Trail) -> None:
    made = event(30, at=NOW - timedelta(minutes=3))
    audit_trail.record(trail.database, [made])
    assert trail.verify(sealed_within=timedelta(minutes=3)).is_whole
    assert trail.verify(sealed_within=timedelta(minutes=2)).findings == (
        Finding(Place.WAITS_TOO_LONG, ONE, event_id=made.event_id),
    )


def test_an_event_that_went_before_it_was_sealed_is_found(trail: Trail, admin: Admin) -> None:
    made = event(30)
    audit_trail.record(trail.database, [made])
    admin.execute("delete from ingest.audit_event where event_id = %s", (made.event_id,))
    assert trail.verify().findings == (
        Finding(Place.GONE_BEFORE_SEALING, ONE, event_id=made.event_id),
    )


def test_links_that_were_never_anchored_although_there_was_time_are_found(trail: Trail) -> None:
    audit_trail.record(trail.database, [event(30)])
    audit_trail.seal_all(trail.database)
    late = NOW - SEALED_AT
    assert trail.verify(anchored_within=late).is_whole
    assert trail.verify(anchored_within=late - timedelta(microseconds=1)).findings == (
        Finding(Place.NOT_ANCHORED, ONE, 9),
    )
    # Without any anchor file this is not asked.
    assert trail.verify(with_anchors=False, anchored_within=timedelta(0)).is_whole


def test_whole_lines_cut_from_the_end_of_the_anchor_file_are_found(trail: Trail) -> None:
    first, _ = trail.anchor_file.read_bytes().splitlines(keepends=True)
    trail.anchor_file.write_bytes(first)
    found = trail.verify(anchored_within=timedelta(0)).findings
    assert [(one.place, one.position) for one in found] == [(Place.NOT_ANCHORED, 5)] * 3


@pytest.mark.parametrize(
    ("edit", "place", "line"),
    [
        (lambda lines: lines[1:], Place.ANCHOR_LINE_CUT, 1),
        (lambda lines: [lines[0].replace(b"[4,", b"[5,"), lines[1]], Place.ANCHOR_SIGNATURE_WRONG, 1),
        (lambda lines: [lines[0], lines[1].replace(b"[8,", b"[9,")], Place.ANCHOR_SIGNATURE_WRONG, 2),
        (lambda lines: [lines[0][:99], lines[1]], Place.ANCHOR_FILE_ALTERED, 1),
    ],
    ids=["line cut", "first altered", "last altered", "half a line"],
)  # fmt: skip
def test_an_altered_anchor_file_is_named_by_its_line(
    trail: Trail, edit: Callable[[list[bytes]], list[bytes]], place: Place, line: int
) -> None:
    lines = edit(trail.anchor_file.read_bytes().splitlines())
    trail.anchor_file.write_bytes(b"\n".join(lines) + b"\n")
    verdict = trail.verify()
    assert verdict.findings == (Finding(place, anchor_line=line),)
    assert f"line {line}" in verdict.words()[-2]


def test_half_a_line_at_the_end_is_told_and_is_no_tampering_by_itself(trail: Trail) -> None:
    with trail.anchor_file.open("ab") as file:
        file.write(b'{"at":"2026-')
    verdict = trail.verify()
    assert verdict.is_whole
    assert verdict.is_anchor_file_torn
    assert any("half a line" in line for line in verdict.words())


def test_a_guard_that_was_left_off_is_found(trail: Trail, admin: Admin) -> None:
    for table in ("ingest.audit_event", "ingest.audit_link"):
        for how in ("disable trigger keep_audit", "disable trigger all"):
            admin.execute(f"alter table {table} {how}")
            assert trail.verify().findings == (Finding(Place.GUARD_OFF, table=table),)
            admin.execute(f"alter table {table} enable trigger keep_audit")


def test_the_progress_reaches_the_end(trail: Trail) -> None:
    told: list[tuple[int, int]] = []
    with audit_trail.sealer(trail.database) as connection:
        audit_verification.verify(
            connection, None, Limits(NOW), lambda done, total: told.append((done, total))
        )
    assert told == [(24, 24)]


def test_the_check_writes_nothing_and_needs_no_more_than_the_sealers_role(trail: Trail) -> None:
    with audit_trail.sealer(trail.database) as connection:
        audit_verification.verify(connection, None, Limits(NOW))
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        assert connection.execute("show transaction_read_only").fetchone() == ("off",)
