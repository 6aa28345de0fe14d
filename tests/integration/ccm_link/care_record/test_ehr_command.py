"""``homevitals ehr``: the sender as processes, and what an operator sees and does at the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy import cli, ports, processes
from tests.integration.ccm_link.care_record.conftest import NUMBERS, Link
from tests.integration.ccm_link.care_record.fault_server import Fault, made

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]


@pytest.fixture
def settings_file(link: Link, fault: Fault) -> Path:
    link.base_url = fault.base_url
    folder = link.folder / "ehrs"
    folder.mkdir()
    (folder / "main.toml").write_text(
        f'[ehr]\nbase_url = "{fault.base_url}"\nsign_in = "bearer"\nknows_record_numbers = true\n'
        f'secret_file = "{link.connection.secret_file}"\nidentifier_system = "{NUMBERS}"\n'
        "per_second = 100.0\n"
    )
    file = link.folder / "server.toml"
    of = link.database.conninfo
    file.write_text(
        f'[ehr]\ndatabase = "{of("homevitals_link")}"\nfolder = "{folder}"\n'
        f'[ccm_link]\ndatabase = "{of("homevitals_console")}"\nentrance_database = "{of("homevitals_entrance")}"\n'
    )
    file.chmod(0o600)
    return file


def test_two_senders_send_once_and_what_did_not_arrive_is_sent_again_by_command(
    link: Link, fault: Fault, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link.connect_ehr()
    fault.answers = [made("Device"), (400, {}, b"")]
    for patient in ("noor", "noor", "amalia"):
        link.measure(patient, pulse_bpm=None)
    of_practice = ["--practice", "millbrook", "--json", "--config", str(settings_file)]

    def told(*words: str) -> Any:
        assert cli.main(["ehr", *words, *of_practice]) in {0, 1}
        return json.loads(capsys.readouterr().out)

    watched = processes.Processes(link.folder / "log")
    command = ["-m", "deploy.cli", "ehr", "run", "--config", str(settings_file)]
    for name in ("one", "other"):
        watched.start(name, [sys.executable, *command])
    try:
        assert ports.wait_until(lambda: "waiting" not in link.states(), timeout_s=40)
        assert sorted(link.states()) == ["dead refused", "held patient_differs", "sent"]
        status = told("status")
        assert [one["waiting"] for one in status["receivers"]] == [0]
        (letter,) = status["dead_letters"]
        assert (letter["kind"], letter["reason"]) == ("observation", "refused")
        assert told("redrive", "--reason", "refused") == [letter["id"]]
        amalia = ["--record-number", "MFP-100482", "--as", "p2"]
        assert cli.main(["ehr", "match", *amalia, "--config", str(settings_file)]) == 1
        assert cli.main(["ehr", "match", *amalia, *of_practice]) == 0
        assert ports.wait_until(lambda: set(link.states()) == {"sent"}, timeout_s=20)
        watched.require_running()
    finally:
        watched.stop()
    pressures = [
        body for method, *_, body in fault.asked if method == "POST" and b"85354-9" in body
    ]
    assert len(pressures) == 4
    logs = "".join((link.folder / "log" / f"{name}.log").read_text() for name in ("one", "other"))
    assert logs.count('"outgoing_sent"') == 3
    assert "MFP-" not in logs


def test_a_sender_does_not_start_with_an_open_secret(
    settings_file: Path, link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    (link.folder / "token").chmod(0o644)
    assert cli.main(["ehr", "run", "--config", str(settings_file)]) == 3
    said = capsys.readouterr().err
    assert "[ehr] folder:" in said
    assert "open to other users" in said
