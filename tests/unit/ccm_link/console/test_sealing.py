from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccm_link.console.entrance import sealing
from ccm_link.console.entrance.sealing import Purpose, Seal
from firmware_profiles.errors import SettingsError

NOW = datetime(2026, 3, 10, tzinfo=UTC)
KEYS = [bytes([number]) * 32 for number in range(3)]


def test_what_was_sealed_opens_for_its_purpose_and_person_alone() -> None:
    seal = Seal(KEYS[:1])
    sealed = seal.close(Purpose.TOTP_SECRET, b"secret", "a")

    assert b"secret" not in sealed
    assert seal.open(Purpose.TOTP_SECRET, sealed, "a") == b"secret"
    assert seal.open(Purpose.TOTP_SECRET, sealed, "b") is None
    assert seal.open(Purpose.HALFWAY, sealed, "a") is None
    assert seal.open(Purpose.TOTP_SECRET, sealed[:-1], "a") is None
    assert seal.open(Purpose.TOTP_SECRET, b"", "a") is None
    assert sealed != seal.close(Purpose.TOTP_SECRET, b"secret", "a")


def test_keys_are_replaced_from_the_top() -> None:
    old = Seal([KEYS[0]]).close(Purpose.TOTP_SECRET, b"s")

    assert Seal([KEYS[1], KEYS[0]]).open(Purpose.TOTP_SECRET, old) == b"s"
    assert Seal([KEYS[1]]).open(Purpose.TOTP_SECRET, old) is None
    new = Seal([KEYS[1], KEYS[0]]).close(Purpose.TOTP_SECRET, b"s")
    assert Seal([KEYS[1]]).open(Purpose.TOTP_SECRET, new) == b"s"


def test_notes_last_until_their_time() -> None:
    seal = Seal(KEYS[:1])
    note = seal.close_note(Purpose.HALFWAY, {"a": 1}, NOW + timedelta(minutes=5))

    assert seal.open_note(Purpose.HALFWAY, note, NOW) == {"a": 1}
    assert seal.open_note(Purpose.HALFWAY, note, NOW + timedelta(minutes=5)) is None


@pytest.mark.parametrize("text", [None, "", "x", "no base64 at all!", "ÿ", "AAAA" * 20])
def test_what_is_no_note_is_none(text: str | None) -> None:
    assert Seal(KEYS).open_note(Purpose.HALFWAY, text, NOW) is None


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    sealing.make_if_missing(file)
    first = file.read_text()
    sealing.make_if_missing(file)

    assert file.read_text() == first
    assert file.stat().st_mode & 0o777 == 0o600
    sealed = sealing.of_file(file).close(Purpose.TOTP_SECRET, b"s")
    file.write_text(f"{sealing.new_key()}\n{first}")
    assert sealing.of_file(file).open(Purpose.TOTP_SECRET, sealed) == b"s"


@pytest.mark.parametrize(
    "text", ["words instead", "AAAA", "", "a" * 44], ids=["words", "short", "empty", "odd"]
)
def test_a_bad_key_file_is_refused_without_its_content(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.touch(0o600)
    file.write_text(text)

    with pytest.raises(SettingsError) as refused:
        sealing.of_file(file)
    assert not text or text not in str(refused.value)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be made"):
        sealing.make_if_missing(tmp_path / "not there" / "keys")
