from __future__ import annotations

import re

import pytest

from deploy.supply_chain import programs


def test_the_gateway_stands_on_its_encrypted_store_and_on_tls() -> None:
    found = {program.name: program.version for program in programs.of_lock("gateway")}
    assert set(found) == {"sqlcipher", "sqlite", "openssl"}
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in found.values())


def test_the_server_also_stands_on_broker_and_database() -> None:
    names = {program.name for program in programs.of_lock("demo")}
    assert names >= {"mosquitto", "postgresql", "timescaledb", "libpq"}


def test_what_is_installed_here_tells_its_version() -> None:
    found = {program.name: program.version for program in programs.of_lock("demo")}
    assert re.fullmatch(r"\d+\.\d+", found["postgresql"])
    assert re.fullmatch(r"\d+\.\d+", found["libpq"])


def test_what_is_missing_is_named_without_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs.mosquitto, "find_program", _missing)
    found = {program.name: program.version for program in programs.of_lock("demo")}
    assert found["mosquitto"] == ""


def _missing() -> str:
    raise programs.errors.MissingProgram
