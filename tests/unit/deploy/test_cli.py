from __future__ import annotations

from pathlib import Path

import pytest

from deploy import cli, configuration
from deploy.commands import config
from deploy.settings import SECTIONS, DeploySettings


def test_no_command_prints_the_help_and_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "evaluate" in capsys.readouterr().out


def test_an_unknown_command_is_wrong_use() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["frobnicate"])
    assert ended.value.code == 2


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == "0.1.0"


def test_a_typing_error_in_the_settings_names_the_right_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "server.toml"
    file.write_text("[ingest]\nbroker_prot = 8883\n[deploi]\n")
    assert cli.main(["config", "check", "--config", str(file)]) == 3
    told = capsys.readouterr().err
    assert "broker_port" in told
    assert "deploy" in told


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[ingest\n", b"broker_port = 1\n"])
def test_a_settings_file_that_is_none_is_an_error_with_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    file = tmp_path / "server.toml"
    file.write_bytes(content)
    assert cli.main(["config", "check", "--config", str(file)]) == 3
    assert str(file) in capsys.readouterr().err


def test_a_missing_settings_file_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "check", "--config", "nowhere.toml"]) == 3
    assert "nowhere.toml" in capsys.readouterr().err


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text("[deploy]\nconsole_port = 8000\nbroker_port = 8001\n")
    found = configuration.load(file, {"HOMEVITALS_DEPLOY_CONSOLE_PORT": "9000"})
    assert found.get(DeploySettings).wanted_ports() == {"console": 9000, "broker": 8001}
    assert found.loaded["deploy"].origins["console_port"] == "environment"


def test_the_sample_is_a_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "sample.toml"
    uncommented = [
        line.removeprefix("# ") if " = " in line else line for line in config.sample().splitlines()
    ]
    file.write_text("\n".join(uncommented))
    found = configuration.load(file, {})
    for section, declared in SECTIONS.items():
        assert found.loaded[section].settings == declared()


def test_an_unreachable_database_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["migrate", "--database", "host=/nowhere dbname=secretname"]) == 4
    told = capsys.readouterr().err
    assert "cannot be reached" in told
    assert "secretname" not in told


def test_migrate_without_a_database_says_what_is_missing() -> None:
    assert cli.main(["migrate"]) == 3


@pytest.mark.parametrize(
    "conninfo",
    [
        "host=db user=u password=hunter2 dbname=d",
        "host=db password = 'hunter2 \\' x' dbname=d",
        "postgresql://u:hunter2@db/d",
    ],
)
def test_a_password_in_a_connection_string_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], conninfo: str
) -> None:
    monkeypatch.setenv("HOMEVITALS_INGEST_DATABASE", conninfo)
    assert cli.main(["config", "check"]) == 0
    told = capsys.readouterr().out
    assert "hunter2" not in told
    assert "password=…" in told
