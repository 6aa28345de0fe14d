from __future__ import annotations

import argparse
from datetime import UTC, datetime

import pytest

from deploy import command_line, progress

MORNING = datetime(2026, 11, 12, 8, tzinfo=UTC)


def test_progress_is_shown_only_where_it_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress.shown("checking links") as show:
        show(1, 10)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_QUIET_S", -1.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress.shown("checking links") as show:
        show(5, 10)
    told = capsys.readouterr()
    assert "checking links" in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("word", "at"),
    [
        ("2026-11-12", datetime(2026, 11, 12, tzinfo=UTC)),
        ("2026-11-12T08:00:00Z", MORNING),
        ("2026-11-12T03:00:00-05:00", MORNING),
        ("2026-11-12T08:00:00", None),
        ("yesterday", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("", None),
    ],
)
def test_an_instant_has_a_zone(word: str, at: datetime | None) -> None:
    if at is None:
        with pytest.raises(argparse.ArgumentTypeError, match=r"zone|no date|calendar"):
            command_line.instant(word)
    else:
        assert command_line.instant(word) == at


@pytest.mark.parametrize("word", ["0", "-1", "1.5", "", "٣", "1000001", "9" * 5000, "many"])
def test_a_count_is_a_whole_number_of_bearable_size(word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="whole number"):
        command_line.count(word)
    assert command_line.count("50") == 50


@pytest.mark.parametrize("word", ["", "1", "gw-aaaa1111", "0" * 33])
def test_an_id_is_a_uuid(word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no id"):
        command_line.identifier(word)
