"""The settings file: every mistake is named, nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import errors, rotation, settings
from gateway.ward import home

GOOD = """
[gateway]
gateway_id = "gw-aaaaaaa1"
broker_host = "broker.example.org"
ca_file = "ca.pem"
certificate_file = "cert.pem"
key_file = "key.pem"
time_zone = "America/New_York"
peripherals = ["C4:65:1B:00:00:01"]
"""


def test_environment_wins_when_it_says_something_else() -> None:
    loaded = settings.load(GOOD, {"HOMEVITALS_GATEWAY_BROKER_PORT": "1883"})
    assert loaded.settings.broker_port == 1883
    assert loaded.origins["broker_port"] == "environment"
    assert loaded.origins["broker_host"] == "file"
    assert loaded.origins["adapter"] == "default"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("gw-aaaaaaa1", "gw/aaaaaa1", "gateway_id"),
        ("America/New_York", "America/Gotham", "time_zone"),
        ("C4:65:1B:00:00:01", "c4:65:1b:00:00:01", "peripherals"),
        ("broker_host", "broker_hots", "broker_host"),
        ("[gateway]", "[gatway]", "gateway"),
        ('time_zone = "America/New_York"', "", "time_zone is missing"),
        ('gateway_id = "gw-aaaaaaa1"', "", "gateway_id missing: give all of"),
        ('ca_file = "ca.pem"', "", "ca_file missing: give all of"),
        ("[gateway]", '[gateway]\nenrolment_server = "http://example.org"', "https only"),
        ("[gateway]", '[gateway]\nenrolment_server = "console.example.org"', "not an address"),
    ],
)
def test_mistake_is_named_when_the_file_has_one(before: str, after: str, problem: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=problem):
        settings.load(GOOD.replace(before, after), {})


def test_missing_files_are_all_named_when_the_gateway_starts() -> None:
    loaded = settings.load(GOOD, {}).settings
    with pytest.raises(errors.ConfigurationError) as refused:
        settings.require_files(loaded)
    assert str(refused.value).count("is not a file") == 3


def test_identity_need_not_be_named_when_the_gateway_is_enrolled() -> None:
    loaded = settings.load('[gateway]\ntime_zone = "UTC"', {}).settings
    settings.require_files(loaded)
    assert rotation.given_by_hand(loaded) is None


def test_start_is_refused_when_everybody_may_read_the_key(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch(mode=0o600)
    text = GOOD
    for name in ("ca.pem", "cert.pem", "key.pem"):
        text = text.replace(name, str(tmp_path / name))
    loaded = settings.load(text, {}).settings
    settings.require_files(loaded)
    (tmp_path / "key.pem").chmod(0o644)
    with pytest.raises(errors.ConfigurationError, match="chmod 600"):
        settings.require_files(loaded)


@pytest.mark.parametrize("name", ["home-1", "home-2"])
def test_packaged_home_is_valid_when_loaded(name: str) -> None:
    file = Path(home.__file__).parent / "homes" / f"{name}.toml"
    plan = home.load(file.read_text(encoding="utf-8"), {})
    assert plan.peripherals


HOME = """
[ward]
port = 0
state_folder = "state"
time_zone = "UTC"

[[peripheral]]
model = "standard-cuff"
address = "C4:18:10:00:00:02"
name = "Cuff"
readings = "home_bp_one_adult.csv"
live_from = "2019-05-22T12:00:00"
"""


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("C4:18:10:00:00:02", "04:18:10:00:00:02", "address"),
        ("standard-cuff", "pocket-watch", "model"),
        ("2019-05-22T12:00:00", "yesterday", "live_from"),
        ("2019-05-22T12:00:00", "2019-05-22T12:00:00Z", "live_from"),
        ('"Cuff"', '"A name that no advertisement can hold"', "name"),
        ("[[peripheral]]", "[[periphery]]", "unknown section"),
        ("[[peripheral]]", "[peripheral]", "at least one peripheral"),
        ("port = 0", "port = 70000", "port"),
        ("[ward]", "[ward", "not TOML"),
    ],
)
def test_mistake_is_named_when_a_home_file_has_one(before: str, after: str, problem: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=problem):
        home.load(HOME.replace(before, after), {})
