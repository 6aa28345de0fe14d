from __future__ import annotations

import argparse
from datetime import UTC, datetime

import pytest

from deploy.commands import audit as audit_command

MORNING = datetime(2026, 11, 12, 8, tzinfo=UTC)


def test_progress_is_shown_only_where_it_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with audit_command._progress() as progress:
        progress(1, 10)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(audit_command, "_QUIET_S", -1.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with audit_command._progress() as progress:
        progress(5, 10)
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
    ],
)
def test_an_instant_has_a_zone(word: str, at: datetime | None) -> None:
    if at is None:
        with pytest.raises(argparse.ArgumentTypeError, match=r"zone|no date"):
            audit_command._instant(word)
    else:
        assert audit_command._instant(word) == at
