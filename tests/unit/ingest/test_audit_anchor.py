from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ingest import audit_anchor, audit_anchor_reader, audit_key
from ingest.audit_anchor import Anchor, AnchorFile, Head
from ingest.audit_anchor_reader import Anchors, Fault
from ingest.errors import AnchorError, AnchorReason

AT = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)
KEY = Ed25519PrivateKey.generate()


def heads(position: int) -> dict[UUID, Head]:
    return {ONE: Head(position, bytes([position % 256]) * 32), OTHER: Head(1, b"o" * 32)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "anchors.jsonl"


@pytest.fixture
def five(path: Path) -> Path:
    """A file with five anchors, lines 1 to 5."""
    file = AnchorFile(path, KEY)
    for number in range(1, 6):
        assert file.add(heads(number), AT + timedelta(minutes=number))
    return path


def read(path: Path) -> Anchors:
    return audit_anchor_reader.read(path, KEY.public_key())


def test_what_was_anchored_is_read_again(five: Path) -> None:
    found = read(five)
    assert (found.count, found.fault, found.is_torn) == (5, None, False)
    assert found.last_at == "2026-11-12T15:47:00.000000Z"
    assert found.practice_ids() == {ONE, OTHER}
    assert [(head.line, head.position) for head in found.of(ONE)] == [
        (1, 1), (2, 2), (3, 3), (4, 4), (5, 5),
    ]  # fmt: skip
    assert [(head.line, head.chain_sha256) for head in found.of(OTHER)] == [(1, b"o" * 32)]
    assert list(found.of(UUID(int=3))) == []


def test_a_line_is_json_that_names_the_line_before(five: Path) -> None:
    lines = five.read_bytes().splitlines()
    first, second = json.loads(lines[0]), json.loads(lines[1])
    assert first["previous"] == "0" * 64
    assert second["previous"] == audit_anchor.sha256(lines[0])
    assert first["heads"][str(ONE)] == [1, "01" * 32]
    assert first["torn"] is None


def test_heads_that_have_not_moved_need_no_line(five: Path) -> None:
    assert not AnchorFile(five, KEY).add(heads(5), AT)
    assert read(five).count == 5


def test_an_anchor_is_on_the_disk_before_it_counts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(path.stat().st_size if path.exists() else 0)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    AnchorFile(path, KEY).add(heads(1), AT)
    # The content, and then the folder that has the name.
    assert synced == [path.stat().st_size, path.stat().st_size]


@pytest.mark.parametrize("length", [1, 40, -1], ids=["a byte", "some", "all but one byte"])
def test_half_a_line_after_a_crash_costs_no_line_before_it_and_none_after(
    five: Path, length: int
) -> None:
    lines = five.read_bytes().splitlines(keepends=True)
    half = lines[4].rstrip(b"\n")[:length]
    five.write_bytes(b"".join(lines[:4]) + half)
    torn = read(five)
    assert (torn.count, torn.fault, torn.is_torn) == (4, None, True)

    assert AnchorFile(five, KEY).add(heads(6), AT)
    assert AnchorFile(five, KEY).add(heads(7), AT)
    after = read(five)
    assert (after.count, after.fault, after.is_torn) == (6, None, False)
    assert five.read_bytes().startswith(b"".join(lines[:4]) + half + b"\n")


def test_two_crashes_one_after_the_other_are_no_tampering(five: Path) -> None:
    with five.open("ab") as file:
        file.write(b'{"at":"20')
    AnchorFile(five, KEY).add(heads(6), AT)
    content = five.read_bytes()
    five.write_bytes(
        content[:-30]
    )  # the second crash, while the line behind the torn one was written
    AnchorFile(five, KEY).add(heads(6), AT)
    assert (read(five).count, read(five).fault) == (6, None)


def test_a_crash_in_the_very_first_line_is_survived(path: Path) -> None:
    path.write_bytes(b'{"at":"2026')
    assert AnchorFile(path, KEY).add(heads(1), AT)
    assert (read(path).count, read(path).fault) == (1, None)


def test_zeros_that_a_power_cut_left_are_a_torn_line(five: Path) -> None:
    with five.open("ab") as file:
        file.write(b"\0" * 200)
    assert AnchorFile(five, KEY).add(heads(6), AT)
    assert (read(five).count, read(five).fault) == (6, None)


def test_a_line_whose_end_alone_was_lost_still_counts(five: Path) -> None:
    five.write_bytes(five.read_bytes().removesuffix(b"\n"))
    assert (read(five).count, read(five).is_torn) == (5, False)
    assert AnchorFile(five, KEY).add(heads(6), AT)
    assert (read(five).count, read(five).fault) == (6, None)


def test_lines_longer_than_a_block_are_found_from_behind(path: Path) -> None:
    many = {UUID(int=number + 1): Head(number + 1, bytes(32)) for number in range(3000)}
    AnchorFile(path, KEY).add(many, AT)
    more = many | {UUID(int=1): Head(9, bytes(32))}
    assert AnchorFile(path, KEY).add(more, AT)
    assert not AnchorFile(path, KEY).add(more, AT)
    assert (read(path).count, read(path).fault) == (2, None)


Edit = Callable[[list[bytes]], list[bytes]]


def _resigned(lines: list[bytes]) -> list[bytes]:
    """Line 3 says something else, with a signature of another key."""
    found = audit_anchor.decode(lines[2], KEY.public_key())
    assert found is not None
    forged = Anchor(found.at, heads(99), found.previous, found.torn)
    return [*lines[:2], audit_anchor.encode(forged, Ed25519PrivateKey.generate()), *lines[3:]]


def _swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


@pytest.mark.parametrize(
    ("edit", "line", "fault", "counted"),
    [
        (lambda lines: lines[1:], 1, Fault.LINE_MISSING, 4),
        (lambda lines: [*lines[:2], *lines[3:]], 3, Fault.LINE_MISSING, 4),
        (_swapped, 2, Fault.LINE_MISSING, 5),
        (lambda lines: [*lines[:3], lines[1], *lines[3:]], 4, Fault.LINE_MISSING, 6),
        (_resigned, 3, Fault.BAD_SIGNATURE, 4),
        (lambda lines: [*lines[:2], lines[2].replace(b"[3,", b"[4,"), *lines[3:]], 3, Fault.BAD_SIGNATURE, 4),
        (lambda lines: [*lines[:2], lines[2][:50], *lines[3:]], 3, Fault.NOT_AN_ANCHOR, 4),
        (lambda lines: [*lines[:2], b"", *lines[2:]], 3, Fault.NOT_AN_ANCHOR, 5),
        (lambda lines: [*lines[:2], lines[2] + b" ", *lines[3:]], 3, Fault.BAD_SIGNATURE, 4),
        (lambda lines: [*lines[:4], lines[4].replace(b"[5,", b"[4,")], 5, Fault.BAD_SIGNATURE, 4),
        (lambda lines: [*lines, b"x"], 6, Fault.NOT_AN_ANCHOR, 5),
    ],
    ids=[
        "first line cut", "line cut", "lines swapped", "line twice", "other key", "position changed", "half a line",
        "line put in", "blank put in", "last line changed", "line added",
    ],
)  # fmt: skip
def test_the_first_altered_line_of_the_file_is_named(
    five: Path, edit: Edit, line: int, fault: Fault, counted: int
) -> None:
    five.write_bytes(b"".join(one + b"\n" for one in edit(five.read_bytes().splitlines())))
    found = read(five)
    assert found.fault is not None
    assert (found.fault.line, found.fault.fault) == (line, fault)
    assert found.count == counted


def test_a_torn_line_that_was_taken_out_again_is_seen(five: Path) -> None:
    with five.open("ab") as file:
        file.write(b'{"at"')
    AnchorFile(five, KEY).add(heads(6), AT)
    five.write_bytes(five.read_bytes().replace(b'{"at"\n', b""))
    found = read(five)
    assert found.fault is not None
    assert found.fault.line == 6


def test_the_writer_does_not_continue_what_somebody_altered(five: Path) -> None:
    five.write_bytes(five.read_bytes().replace(b"[5,", b"[4,"))
    with pytest.raises(AnchorError) as refused:
        AnchorFile(five, KEY).check()
    assert refused.value.reason is AnchorReason.FILE_ALTERED
    with pytest.raises(AnchorError):
        AnchorFile(five, Ed25519PrivateKey.generate()).add(heads(6), AT)


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_cut_under_the_running_writer_stays_visible(path: Path, is_moved: bool) -> None:
    file = AnchorFile(path, KEY)
    file.add(heads(1), AT)
    file.add(heads(2), AT)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    file.add(heads(3 if is_moved else 2), AT)
    found = read(path)
    assert found.fault is not None
    assert (found.fault.line, found.fault.fault) == (2, Fault.LINE_MISSING)


def test_two_writers_add_to_one_file_line_by_line(path: Path) -> None:
    one, other = AnchorFile(path, KEY), AnchorFile(path, KEY)
    for number in range(1, 7):
        assert (one if number % 2 else other).add(heads(number), AT)
    assert (read(path).count, read(path).fault) == (6, None)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "anchors.key"
    made = audit_key.make(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    public = audit_key.public(audit_key.public_file(file))
    assert public == made.public_key() == audit_key.private(file).public_key()
    with pytest.raises(AnchorError) as refused:
        audit_key.make(file)
    assert refused.value.reason is AnchorReason.KEY_THERE


def test_a_missing_key_is_made_only_where_nothing_was_signed(tmp_path: Path, path: Path) -> None:
    file = tmp_path / "anchors.key"
    key = audit_anchor.signing_key(file, path)
    AnchorFile(path, key).add(heads(1), AT)
    assert audit_anchor.signing_key(file, path).public_key() == key.public_key()
    file.unlink()
    with pytest.raises(AnchorError) as refused:
        audit_anchor.signing_key(file, path)
    assert refused.value.reason is AnchorReason.KEY_MISSING


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (b"no key", 0o600, AnchorReason.KEY_UNUSABLE),
        (b"", 0o600, AnchorReason.KEY_UNUSABLE),
        (b"no key", 0o640, AnchorReason.KEY_OPEN),
    ],
)
def test_a_key_file_that_is_none_is_refused(
    tmp_path: Path, content: bytes, mode: int, reason: AnchorReason
) -> None:
    file = tmp_path / "anchors.key"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(AnchorError) as refused:
        audit_key.private(file)
    assert refused.value.reason is reason
    with pytest.raises(AnchorError):
        audit_key.public(file)
    with pytest.raises(AnchorError):
        audit_key.public(tmp_path / "nothing")
