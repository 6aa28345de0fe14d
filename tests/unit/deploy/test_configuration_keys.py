"""The keys of gateways' configurations: one follows the other, and each signs only when every gateway knows it."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy import errors
from deploy.signer.authority import CERTIFICATE_LIFETIME
from deploy.signer.configuration_keys import ConfigurationKeys
from gateway import configuration_keys

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
CONTENT = b'{"format":1}'


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def key_ids(keys: ConfigurationKeys) -> list[str]:
    return list(configuration_keys.read(keys.public_keys().encode()))


def test_a_gateway_can_check_what_is_signed(tmp_path: Path, clock: Clock) -> None:
    keys = ConfigurationKeys(tmp_path, clock)
    signed = keys.sign(CONTENT)
    known = configuration_keys.read(keys.public_keys().encode())
    assert configuration_keys.has_signed(known[signed.key_id], signed)


def test_the_first_key_is_made_once_and_for_its_owner_alone(tmp_path: Path, clock: Clock) -> None:
    first = key_ids(ConfigurationKeys(tmp_path, clock))
    assert key_ids(ConfigurationKeys(tmp_path, clock)) == first
    (file,) = tmp_path.iterdir()
    assert file.name == "configuration-2026-11-28.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_signs_when_every_living_certificate_is_younger(tmp_path: Path, clock: Clock) -> None:
    keys = ConfigurationKeys(tmp_path, clock)
    first = keys.sign(CONTENT).key_id
    clock.now += timedelta(days=731)
    assert keys.sign(CONTENT).key_id == first
    assert len(key_ids(keys)) == 2
    clock.now += CERTIFICATE_LIFETIME
    assert keys.sign(CONTENT).key_id == first
    clock.now += timedelta(days=6)
    second = keys.sign(CONTENT).key_id
    assert second != first
    # What the first one signed lies at brokers for long.
    assert key_ids(keys) == [second, first]
    assert key_ids(ConfigurationKeys(tmp_path, clock)) == [second, first]


def test_a_key_that_was_deleted_is_followed_at_once(tmp_path: Path, clock: Clock) -> None:
    stolen = ConfigurationKeys(tmp_path, clock).sign(CONTENT).key_id
    (tmp_path / "configuration-2026-11-28.key").unlink()
    keys = ConfigurationKeys(tmp_path, clock)
    assert keys.sign(CONTENT).key_id != stolen
    assert stolen not in key_ids(keys)


def test_half_a_key_does_not_stop_the_next_start(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "configuration.new").write_bytes(b"-----BEGIN PRI")
    assert len(key_ids(ConfigurationKeys(tmp_path, clock))) == 1


@pytest.mark.parametrize("wrong", ["open", "cut", "another kind", "another day"])
def test_a_key_that_cannot_be_used_is_said(tmp_path: Path, clock: Clock, wrong: str) -> None:
    ConfigurationKeys(tmp_path, clock)
    (file,) = tmp_path.iterdir()
    match wrong:
        case "open":
            file.chmod(0o640)
        case "cut":
            file.write_bytes(file.read_bytes()[:40])
        case "another kind":
            file.write_bytes(
                ec.generate_private_key(ec.SECP256R1()).private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        case _:
            file.rename(tmp_path / "configuration-2026-13-41.key")
    with pytest.raises(errors.ConfigurationError, match="configuration-2026"):
        ConfigurationKeys(tmp_path, clock)
