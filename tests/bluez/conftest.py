"""Runs these tests in a virtual machine with the real kernel and bluetoothd, and reports them as if they ran here.

The same files are collected twice: by pytest on the host, which starts the machine with the first test and waits for
what it says about each; and by pytest in the machine, which runs them and writes its reports to a serial port.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from firmware_profiles import logs
from tests.bluez import image, machine

_GUEST_PORT: Final = os.environ.get("HOMEVITALS_BLUEZ_GUEST")
# Its beginning is what tests/conftest.py counts.
_ELSEWHERE: Final = "the real BlueZ is not tested here: ./deploy/test bluez does it"
_machine = pytest.StashKey[machine.Machine]()
_has_failed = pytest.StashKey[bool]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _GUEST_PORT:
        return
    is_wanted = config.option.markexpr == "bluez" and image.is_made()
    for item in items:
        if item.get_closest_marker("bluez"):
            # The machine has a time limit of its own, and the first test waits until it has started.
            mark = pytest.mark.timeout(0) if is_wanted else pytest.mark.skip(_ELSEWHERE)
            item.add_marker(mark)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    # pytest asks every conftest about every test.
    is_ours = item.get_closest_marker("bluez") and not item.get_closest_marker("skip")
    if _GUEST_PORT or not is_ours:
        return None
    hooks, config = item.ihook, item.config
    hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    running = config.stash.get(_machine, None)
    if running is None:
        wanted = [one.nodeid for one in item.session.items if one.get_closest_marker("bluez")]
        running = config.stash[_machine] = machine.Machine(wanted)
    for report in _reports(running, item):
        config.stash[_has_failed] = config.stash.get(_has_failed, False) or report.failed
        hooks.pytest_runtest_logreport(report=report)
    hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _reports(running: machine.Machine, item: pytest.Item) -> list[pytest.TestReport]:
    reports: list[pytest.TestReport] = []
    while not reports or reports[-1].when != "teardown":
        try:
            message = running.next_message()
        except machine.MachineEnded as ended:
            reports.append(
                pytest.TestReport(
                    nodeid=item.nodeid,
                    location=item.location,
                    keywords={},
                    outcome="failed",
                    longrepr=str(ended),
                    when="teardown",
                )
            )
            break
        report = item.config.hook.pytest_report_from_serializable(config=item.config, data=message)
        assert report.nodeid == item.nodeid
        reports.append(report)
    return reports


class _Reporter:
    """What the pytest inside the machine says to the one outside."""

    def __init__(self, config: pytest.Config, port: Path) -> None:
        self._config = config
        self._port = port

    def pytest_sessionstart(self) -> None:
        # What an event says besides its name tells why a test failed.
        logging_plugin: Any = self._config.pluginmanager.get_plugin("logging-plugin")
        logging_plugin.report_handler.setFormatter(logs.JsonLines())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        message = self._config.hook.pytest_report_to_serializable(
            config=self._config, report=report
        )
        with self._port.open("w") as port:
            port.write(json.dumps(message) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    if _GUEST_PORT:
        config.pluginmanager.register(_Reporter(config, Path(_GUEST_PORT)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    running = session.config.stash.get(_machine, None)
    if running is not None:
        kept = running.end(keep_console=session.config.stash.get(_has_failed, False))
        if kept is not None:
            print(f"\nthe virtual machine's console: {kept}")
