"""Only the broker is told, and whoever cannot be told is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import broker_reload, errors, ports
from deploy.broker_settings import GuardSettings


def settings(**changes: object) -> GuardSettings:
    return GuardSettings(broker_port=ports.free_port(), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("reload_by", ["sigterm", "sighup"])
@pytest.mark.parametrize("content", [None, "", "x", "0", "-1", "999999999"])
def test_a_pid_file_without_a_broker_is_an_error(
    tmp_path: Path, reload_by: str, content: str | None
) -> None:
    pid_file = tmp_path / "pid"
    if content is not None:
        pid_file.write_text(content)
    with pytest.raises(errors.BrokerAway):
        broker_reload.reload(settings(pid_file=pid_file, reload_by=reload_by))


def test_whoever_inherited_the_brokers_number_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        pid_file.write_text(str(bystander.pid))
        with pytest.raises(errors.BrokerAway, match="not running"):
            broker_reload.reload(settings(pid_file=pid_file, reload_by="sigterm"))
        bystander.communicate(b"\n")
        assert bystander.returncode == 0


@pytest.mark.parametrize("command", [(), ("false",), ("/no/such/program",), ("a\0b",)])
def test_a_command_that_fails_is_an_error(command: tuple[str, ...]) -> None:
    with pytest.raises(errors.BrokerAway, match="reload_command"):
        broker_reload.reload(settings(reload_command=command))


def test_the_command_is_run_without_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_reload, "_BACK_WITHIN_S", 0.0)
    mark = tmp_path / "a; b"
    with pytest.raises(errors.BrokerAway, match="come back"):  # nobody listens
        broker_reload.reload(settings(reload_command=("touch", str(mark))))
    assert mark.exists()


@pytest.mark.parametrize(
    ("started_s", "written_s", "read"),
    [(10, 5, True), (5, 10, False), (None, 5, False), (5, None, False)],
)
def test_a_broker_has_read_what_was_there_when_it_started(
    tmp_path: Path, started_s: int | None, written_s: int | None, read: bool
) -> None:
    files = tmp_path / "pid", tmp_path / "list"
    for file, at_s in zip(files, (started_s, written_s), strict=True):
        if at_s is not None:
            file.touch()
            os.utime(file, (at_s, at_s))
    assert broker_reload.has_read(*files) is read
