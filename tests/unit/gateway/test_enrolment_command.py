"""The commands ``enrol`` and ``identity show``, as a person and a script meet them."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware_profiles import logs
from gateway import cli, identity_report
from gateway.errors import ExitCode
from gateway.identity import IdentityFolder
from gateway.identity_report import State
from tests.enrolment_server import CODE, GATEWAY, LIFE, EnrolmentServer


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "configure", lambda level: None)  # it would outlive the test


@pytest.fixture
def code_file(tmp_path: Path) -> Path:
    path = tmp_path / "code"
    path.write_text(f"{CODE}\nanother line\n")
    return path


def enrol(server: EnrolmentServer, tmp_path: Path, code_file: Path, *more: str) -> int:
    return cli.main(
        [
            *("enrol", "--server", server.address, "--state-folder", str(tmp_path / "state")),
            *("--code-file", str(code_file), *more),
        ]
    )


def test_person_is_told_who_the_gateway_is_when_it_is_enrolled(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    code_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert enrol(enrolment, tmp_path, code_file) == ExitCode.OK
    said = capsys.readouterr()
    assert GATEWAY in said.out
    assert "certificate 1: from " in said.out
    assert CODE not in said.out + said.err
    assert said.err == ""


def test_person_is_told_when_this_machine_s_clock_is_wrong(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    code_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    enrolment.now = lambda: datetime.now(UTC) + timedelta(minutes=30)
    assert enrol(enrolment, tmp_path, code_file) == ExitCode.OK
    assert "clock is 30 minutes behind the server's" in capsys.readouterr().err


def test_second_enrolment_fails_in_words_when_nobody_asked_to_replace(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    code_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    enrol(enrolment, tmp_path, code_file)
    assert enrol(enrolment, tmp_path, code_file) == ExitCode.FAILURE
    assert "enrolled already" in capsys.readouterr().err
    enrolment.codes.add(CODE)
    assert enrol(enrolment, tmp_path, code_file, "--replace") == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--code-file", "/nowhere"], ExitCode.CONFIGURATION, "/nowhere", id="no-file"),
        pytest.param(
            ["--keep-for", "somebody"], ExitCode.CONFIGURATION, "--keep-for takes", id="no-gateway"
        ),
        pytest.param(
            ["--server", "http://example.org"], ExitCode.CONFIGURATION, "https only", id="http"
        ),
        pytest.param(["--server", ""], ExitCode.CONFIGURATION, "which server?", id="no-server"),
        pytest.param(
            ["--server", "http://127.0.0.1:1"], ExitCode.UNREACHABLE, "network", id="away"
        ),
        pytest.param(
            ["--authority", "/nowhere"], ExitCode.CONFIGURATION, "authority", id="no-authority"
        ),
    ],
)
def test_exit_code_and_words_tell_what_is_wrong(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    code_file: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: ExitCode,
    said: str,
) -> None:
    assert enrol(enrolment, tmp_path, code_file, *arguments) == code
    assert said in capsys.readouterr().err
    assert enrolment.requests == []


@pytest.mark.parametrize("option", ["--code", "--code=" + CODE, "--co"])
def test_code_is_not_taken_from_the_command_line(
    enrolment: EnrolmentServer, tmp_path: Path, code_file: Path, option: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        enrol(enrolment, tmp_path, code_file, option, CODE)
    assert stopped.value.code == ExitCode.USAGE


def test_code_is_read_from_standard_input_when_a_script_gives_it(
    enrolment: EnrolmentServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{CODE}\n".encode())))
    command = ["enrol", "--server", enrolment.address, "--state-folder", str(tmp_path / "state")]
    assert cli.main(command) == ExitCode.OK


def test_code_is_asked_for_when_a_person_sits_there(
    enrolment: EnrolmentServer, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gateway.cli", "enrol", "--server", enrolment.address),
            *("--state-folder", str(tmp_path / "state")),
        ],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    assert process.stdout is not None
    assert process.stdout.read(len("Claim code: ")) == b"Claim code: "
    arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    os.write(ours, f"{CODE}\n".encode())
    out, err = process.communicate(timeout=30)
    os.close(ours)
    assert process.returncode == ExitCode.OK, err
    for text in (arguments, environment, out, err):
        assert CODE.encode() not in text


def test_configuration_says_what_the_command_line_does_not(
    enrolment: EnrolmentServer, tmp_path: Path, code_file: Path
) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_bytes(enrolment.authority_pem)
    path = tmp_path / "gateway.toml"
    path.write_text(
        f"""
        [gateway]
        enrolment_server = "{enrolment.address}"
        enrolment_authority_file = "{authority}"
        state_folder = "{tmp_path}/elsewhere"
        time_zone = "UTC"
        """
    )
    command = ["enrol", "--config", str(path), "--code-file", str(code_file)]
    assert cli.main(command) == ExitCode.OK
    generation = IdentityFolder(tmp_path / "elsewhere").newest()
    assert generation.enrolment_authority_file is not None


def test_enrolment_is_refused_when_the_configuration_would_hide_it(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    code_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        """
        [gateway]
        gateway_id = "gw-aaaaaaa1"
        broker_host = "broker"
        ca_file = "/ca"
        certificate_file = "/cert"
        key_file = "/key"
        time_zone = "UTC"
        """
    )
    assert enrol(enrolment, tmp_path, code_file, "--config", str(path)) == ExitCode.CONFIGURATION
    assert "by hand" in capsys.readouterr().err
    assert enrolment.requests == []


def test_identity_is_shown_to_people_and_programs(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    code_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    enrol(enrolment, tmp_path, code_file)
    capsys.readouterr()
    folder = ["--state-folder", str(tmp_path / "state")]
    assert cli.main(["identity", "show", *folder]) == ExitCode.OK
    assert f"{GATEWAY}: valid" in capsys.readouterr().out
    assert cli.main(["identity", "show", "--json", *folder]) == ExitCode.OK
    shown = json.loads(capsys.readouterr().out)
    certificate = IdentityFolder(tmp_path / "state").newest().certificate
    assert shown["gateway_id"] == GATEWAY
    assert (shown["state"], shown["generation"]) == ("valid", 1)
    assert datetime.fromisoformat(shown["expires_at"]) == certificate.not_after
    assert shown["valid_from"] < shown["renewal_due_at"] < shown["expires_at"]
    assert "PRIVATE" not in str(shown)


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (timedelta(hours=-2), State.NOT_YET_VALID),
        (timedelta(days=1), State.VALID),
        (timedelta(days=35), State.RENEWAL_DUE),
        (LIFE, State.EXPIRED),
    ],
)
def test_state_follows_from_the_time(
    enrolment: EnrolmentServer, tmp_path: Path, code_file: Path, after: timedelta, state: State
) -> None:
    now = datetime.now(UTC)
    enrol(enrolment, tmp_path, code_file)
    generation = IdentityFolder(tmp_path / "state").newest()
    assert identity_report.state_at(generation, now + after) is state
    assert identity_report.as_text(generation, now + after).startswith(GATEWAY)


def test_check_shows_identity_and_expiry_when_the_gateway_is_enrolled(
    enrolment: EnrolmentServer,
    tmp_path: Path,
    code_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    enrol(enrolment, tmp_path, code_file)
    path = tmp_path / "gateway.toml"
    path.write_text(f'[gateway]\ntime_zone = "UTC"\nstate_folder = "{tmp_path}/state"\n')
    assert cli.main(["config", "check", "--config", str(path)]) == ExitCode.OK
    out = capsys.readouterr().out
    assert "gateway_id = (not set)  (default)" in out
    assert "by enrolment" in out
    assert f"{GATEWAY}: valid" in out
