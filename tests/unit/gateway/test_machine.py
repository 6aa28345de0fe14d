"""What the kernel says of the machine, and that nobody guesses where it says nothing."""

from __future__ import annotations

from pathlib import Path

from firmware_profiles import wire_health
from gateway import machine


def zone(folder: Path, number: int, kind: str, temperature: str) -> None:
    made = folder / f"thermal_zone{number}"
    made.mkdir()
    (made / "type").write_text(f"{kind}\n")
    (made / "temp").write_text(temperature)


def test_processor_is_asked_when_a_board_has_several_sensors(tmp_path: Path) -> None:
    zone(tmp_path, 0, "battery", "25000\n")
    zone(tmp_path, 1, "cpu-thermal", "48312\n")
    assert machine.temperature_c(tmp_path) == 48.312


def test_next_sensor_is_asked_when_one_says_nothing(tmp_path: Path) -> None:
    zone(tmp_path, 0, "cpu-thermal", "")
    zone(tmp_path, 1, "acpitz", "31000")
    assert machine.temperature_c(tmp_path) == 31.0


def test_temperature_is_unknown_when_there_is_no_sensor(tmp_path: Path) -> None:
    assert machine.temperature_c(tmp_path) is None
    assert machine.temperature_c(tmp_path / "absent") is None


def test_disk_is_unknown_when_the_folder_is_not_there(tmp_path: Path) -> None:
    assert machine.disk_free_bytes(tmp_path / "absent") is None
    assert (machine.disk_free_bytes(tmp_path) or 0) > 0


def test_this_process_occupies_some_memory() -> None:
    assert 5e6 < (machine.resident_bytes() or 0) < 5e9


def test_words_are_made_fit_to_travel() -> None:
    assert machine.printable("Debian “12”\n") == "Debian ?12??"
    assert machine.printable("") == "unknown"
    assert len(machine.printable("x" * 1000)) == 100
    for words in (machine.system_name(), machine.package_version()):
        wire_health._NAME.fullmatch(words)
