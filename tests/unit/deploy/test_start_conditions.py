"""Which settings a server process refuses to start with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy import configuration, errors, start_conditions
from deploy.settings import SECTIONS
from firmware_profiles import settings as declaration

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def faults(section: str, text: str, file: Path, mode: int = 0o600) -> list[str]:
    file.write_text(f"[{section}]\n{text}\n")
    file.chmod(mode)
    return start_conditions.faults(section, configuration.load(file, {}), {}, NOW, file)


@pytest.mark.parametrize("section", ["alerts", "scheduler", "ccm_link"])
def test_the_defaults_stay_on_this_machine(tmp_path: Path, section: str) -> None:
    assert faults(section, "", tmp_path / "server.toml") == []


@pytest.mark.parametrize("section", ["ingest", "alerts", "scheduler", "ccm_link", "guard", "audit"])
def test_no_process_reaches_a_database_in_the_clear(tmp_path: Path, section: str) -> None:
    names = start_conditions.database_names(section)
    assert names
    for name in names:
        found = faults(section, f'{name} = "host=db.example.org"', tmp_path / "server.toml")
        assert any(
            fault.startswith(f"[{section}] {name} ") and "verify-full" in fault for fault in found
        )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('host = "0.0.0.0"', "can be reached from outside"),
        ('public_url = "http://vitals.example.org"', "has to be https://"),
    ],
)
def test_the_console_is_reached_by_https_or_from_this_machine(
    tmp_path: Path, text: str, words: str
) -> None:
    assert any(words in fault for fault in faults("ccm_link", text, tmp_path / "server.toml"))


def test_a_password_in_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    text = 'database = "host=/run password=k7Q-f2M"'
    assert faults("alerts", text, tmp_path / "server.toml", 0o600) == []
    (fault,) = faults("alerts", text, tmp_path / "server.toml", 0o640)
    assert "password file" in fault
    assert "k7Q" not in fault


@pytest.mark.parametrize(
    ("section", "name"), [("audit", "signing_key_file"), ("ccm_link", "secrets_key_file")]
)
def test_a_key_that_is_made_at_the_first_start_may_be_missing_but_not_open(
    tmp_path: Path, section: str, name: str
) -> None:
    key = tmp_path / "made.key"
    text = f'{name} = "{key}"'
    assert faults(section, text, tmp_path / "server.toml") == []
    key.touch(mode=0o644)
    found = faults(section, text, tmp_path / "server.toml")
    assert [name in fault for fault in found] == [True, True]  # open, and empty


def test_encryption_is_no_setting() -> None:
    names = [
        f"{section}.{row.name}"
        for section, declared in SECTIONS.items()
        for row in declaration.describe(declared, section)
    ]
    for word in ("tls", "ssl", "insecure", "verify", "encrypt", "plain", "debug"):
        assert not [name for name in names if word in name]


def test_commands_that_end_by_themselves_start_under_any_conditions(tmp_path: Path) -> None:
    start_conditions.require("way", tmp_path / "nowhere.toml")
    start_conditions.require("audit verify", tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("command", "section"), [("ingest import", "ingest"), ("ingest export", "ccm_link")]
)
def test_readings_of_many_are_not_carried_in_the_clear(
    tmp_path: Path, command: str, section: str
) -> None:
    file = tmp_path / "server.toml"
    file.write_text(f'[{section}]\ndatabase = "host=db.example.org"\n')
    with pytest.raises(errors.ConfigurationError, match="verify-full"):
        start_conditions.require(command, file)
    file.write_text("[deploy]\n")
    start_conditions.require(command, file)  # on this machine; no certificate is asked for
