"""``readings`` and ``devices``: what the installer sees, beside a running gateway and without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware_profiles.wire_health import Bond, PeripheralHealth, Trouble
from gateway import cli, devices_command, outbox_look, readings_command
from gateway.errors import ExitCode
from gateway.outbox import Outbox
from gateway.outbox_rows import Acquaintance
from gateway.record import CapturedRecord

Captured = Callable[[int], CapturedRecord]
CUFF = "AA:BB:CC:DD:EE:0F"
FRAME = bytes.fromhex("1e7800500060 00e3070704150000 4f00 01 0000".replace(" ", ""))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'[gateway]\ntime_zone = "UTC"\nstate_folder = "{tmp_path}/state"\nperipherals = ["{CUFF}"]\n'
    )
    return path


def test_readings_are_shown_in_words_beside_the_running_gateway(
    outbox: Outbox, captured: Captured, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox.append(replace(captured(1), raw=FRAME))
    outbox.append(replace(captured(2), raw=b"\xff"))
    assert cli.main(["readings", "--config", str(config)]) == ExitCode.OK
    first, second = capsys.readouterr().out.splitlines()
    assert "systolic 120 mmHg, diastolic 80 mmHg, mean arterial 96 mmHg" in first
    assert "pulse 79 bpm" in first
    assert "its clock said 2019-07-04" in first
    assert first.endswith("[waiting]")
    assert "cannot be read" in second


def test_readings_of_every_kind_have_their_unit(outbox: Outbox, captured: Captured) -> None:
    sequence = bytes.fromhex("0b0100e4070101080000000078b0f10000")
    outbox.append(
        replace(captured(1), profile_id="standard-glucometer", characteristic="2a18", raw=sequence)
    )
    (row,) = outbox.waiting(1)
    assert "glucose 120 mg/dL" in readings_command.words(row)


def test_readings_as_json_hold_what_was_decoded(
    outbox: Outbox, captured: Captured, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox.append(replace(captured(1), raw=FRAME))
    assert cli.main(["readings", "--json", "--config", str(config)]) == ExitCode.OK
    (one,) = json.loads(capsys.readouterr().out)
    assert one["decoded"]["systolic_mmhg"] == 120
    assert one["state"] == "waiting"


def test_nothing_is_shown_when_nothing_came(
    outbox: Outbox, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["readings", "--config", str(config)]) == ExitCode.OK
    assert "no peripheral has sent anything yet" in capsys.readouterr().out


def test_devices_are_those_of_the_settings_and_of_the_conversations(
    outbox: Outbox, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    known = Acquaintance(
        "AA:BB:CC:DD:EE:01", "standard-cuff", now - timedelta(hours=3), -70, 80, now
    )
    outbox.note_acquaintance(known)
    assert cli.main(["devices", "--config", str(config)]) == ExitCode.OK
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first.startswith("AA:BB:CC:DD:EE:01  standard-cuff")
    assert first.endswith("read 3 hours ago  heard unknown  battery 80 %  -70 dBm  bond unknown")
    assert second.startswith(CUFF)
    assert "read never" in second
    assert "what the last conversations left" in err


def test_trouble_of_a_device_is_said() -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    one = PeripheralHealth(
        CUFF, None, at, None, None, None, None, Bond.LOST, Trouble("link_lost", at), 2
    )
    text = devices_command.as_table([one], at + timedelta(minutes=2))
    assert "heard 2 minutes ago" in text
    assert text.endswith("bond lost  2 failed since (link lost)")


def test_summary_says_what_waits_and_what_was_lost(
    tmp_path: Path,
    config: Path,
    capsys: pytest.CaptureFixture[str],
    captured: Captured,
    at: datetime,
) -> None:
    first = Outbox(tmp_path / "state", at)
    first.append(captured(1))
    first.mark_published([1], at)
    first.close()
    (tmp_path / "state" / "outbox.db").write_bytes(b"")
    second = Outbox(tmp_path / "state", at)
    second.append(replace(captured(2), received_at=datetime.now(UTC) - timedelta(days=2)))
    assert cli.main(["outbox", "summary", "--config", str(config)]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "waiting for a receipt: 1, the oldest for 2 days"
    assert lines[1] == "last receipt: never"
    assert lines[2].endswith(" of 64 MiB")
    assert "0 records saved; not saved: number 1 of the old outbox" in lines[3]
    assert cli.main(["outbox", "summary", "--json", "--config", str(config)]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["waiting"], told["closed"], told["salvages"][0]["unsaved"]) == (1, None, [[1, 1]])
    assert told["epoch"] == outbox_look.into(tmp_path / "state", 0).epoch
    second.close()
