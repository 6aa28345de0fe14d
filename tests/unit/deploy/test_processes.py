from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import errors, ports, processes

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def group(tmp_path: Path) -> Iterator[processes.Processes]:
    running = processes.Processes(tmp_path / "log")
    yield running
    running.stop()


def test_output_goes_to_a_log_file_of_its_own(group: processes.Processes) -> None:
    group.start("sleeper", SLEEP)
    log = group.log_folder / "sleeper.log"
    assert ports.wait_until(lambda: log.read_text() == "up\n", timeout_s=30)


def test_a_killed_child_is_started_again(group: processes.Processes) -> None:
    group.start("sleeper", SLEEP)
    before = group.pid("sleeper")
    group.kill("sleeper")
    assert ports.wait_until(lambda: group.restart_ended() == ["sleeper"], timeout_s=30)
    assert group.pid("sleeper") != before
    group.require_running()


def test_an_ended_child_is_named_with_its_log(group: processes.Processes) -> None:
    group.start("brief", [sys.executable, "-c", "raise SystemExit(3)"])

    def told() -> str:
        try:
            group.require_running()
        except errors.ProcessFailed as error:
            return str(error)
        return ""

    assert ports.wait_until(lambda: told() != "", timeout_s=30)
    assert "“brief” ended with status 3" in told()
    assert "brief.log" in told()


def test_a_child_that_ignores_the_request_is_killed(
    group: processes.Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_STOP_TIMEOUT_S", 0.3)
    group.start("stubborn", STUBBORN)
    log = group.log_folder / "stubborn.log"
    assert ports.wait_until(lambda: log.read_text() == "up\n", timeout_s=30)
    pid = group.pid("stubborn")
    group.stop()
    assert not processes.is_running(pid)


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import sys, time; from pathlib import Path; from deploy import processes\n"
                f"group = processes.Processes(Path({str(tmp_path)!r}))\n"
                f"group.start('child', {SLEEP!r})\n"
                "print(group.pid('child'), flush=True); time.sleep(60)"
            ),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert processes.is_running(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert ports.wait_until(lambda: not processes.is_running(child), timeout_s=30)
