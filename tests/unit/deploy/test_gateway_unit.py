"""The gateway's systemd unit: systemd understands it, it is closed, and it agrees with the program it starts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import cli
from gateway import settings as gateway_settings
from gateway.errors import ExitCode

UNIT = Path(__file__).parents[3] / "deploy" / "systemd" / "homevitals-gateway.service"
KEYS = [
    line.partition("=")[::2]
    for line in UNIT.read_text(encoding="utf-8").splitlines()
    if "=" in line and not line.startswith("#")
]
GIVEN = dict(KEYS)
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze"
)


def test_service_says_when_it_is_ready_and_that_it_lives() -> None:
    assert (GIVEN["Type"], GIVEN["NotifyAccess"]) == ("notify", "main")
    assert float(GIVEN["WatchdogSec"]) >= 60
    assert GIVEN["Restart"] == "always"


def test_unit_starts_a_command_that_exists_with_the_folder_that_it_expects() -> None:
    program, *arguments = GIVEN["ExecStart"].split()
    assert program.endswith("/homevitals-gateway")
    assert cli.build_parser().parse_args(arguments).command
    assert Path("/var/lib") / GIVEN["StateDirectory"] == gateway_settings.STATE_FOLDER
    assert GIVEN["StateDirectoryMode"] == "0700"


def test_service_is_not_started_again_when_trying_cannot_help() -> None:
    codes = {int(code) for code in GIVEN["RestartPreventExitStatus"].split()}
    assert codes == {ExitCode.USAGE, ExitCode.CONFIGURATION}


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    unit.write_text(text.replace(GIVEN["ExecStart"].split()[0], sys.executable))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in said.stderr.splitlines() if UNIT.name in line] == []


@needs_systemd
def test_unit_is_closed(tmp_path: Path) -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout[-500:] + said.stderr
