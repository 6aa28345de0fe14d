"""What the doctor says about releases and in which form."""

from __future__ import annotations

import pytest

from deploy import doctor
from deploy.commands import doctor as command
from deploy.doctor import Finding, State


@pytest.mark.parametrize(
    ("version", "state"),
    [
        (140022, State.FAILED),
        (150017, State.FAILED),
        (150018, State.OK),
        (160013, State.FAILED),
        (160014, State.OK),
        (170009, State.FAILED),
        (170010, State.OK),
        (180003, State.FAILED),
        (180004, State.OK),
        (190000, State.OK),
    ],
)
def test_a_release_with_known_faults_is_refused(version: int, state: State) -> None:
    assert doctor.version_finding(version).state is state


def test_a_finding_is_told_with_what_to_do() -> None:
    finding = Finding("clock", State.FAILED, "stands still", "wind it up")
    assert command.as_text(finding) == "FAILED   clock: stands still\n         → wind it up"
    assert command.as_text(Finding("clock", State.OK, "goes")) == "OK       clock: goes"
