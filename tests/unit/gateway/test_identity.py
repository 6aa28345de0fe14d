"""The identity on disk: whole generations, and nothing of one with anything of another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import errors, identity, key_pair
from gateway.errors import IdentityReason
from gateway.identity import Content, Generation, IdentityFolder
from tests.enrolment_server import EnrolmentServer, public_pem

AUTHORITY = EnrolmentServer()
assert AUTHORITY.configuration_key is not None
CONFIGURATION_KEY_PEM = public_pem(AUTHORITY.configuration_key).encode()
RENEW_AFTER = datetime(2026, 12, 21, 12, 0, 0, 5, tzinfo=UTC)


def put(
    folder: IdentityFolder, gateway_id: str = "gw-aaaaaaa1", *, server_authority: bool = False
) -> Generation:
    key = key_pair.make()
    folder.begin(key_pair.to_pem(key))
    AUTHORITY.gateway_id = gateway_id
    issued = AUTHORITY.issued(key.public_key())
    return folder.finish(
        Content(
            gateway_id=gateway_id,
            certificate_pem=issued["certificate"].encode(),
            authority_pem=AUTHORITY.authority_pem,
            broker_host="broker.example.org",
            broker_port=8884,
            renew_after=RENEW_AFTER,
            enrolment_server="https://console.example.org",
            enrolment_authority_pem=AUTHORITY.authority_pem if server_authority else None,
            configuration_keys_pem=CONFIGURATION_KEY_PEM,
        )
    )


@pytest.fixture
def folder(tmp_path: Path) -> IdentityFolder:
    return IdentityFolder(tmp_path / "state")


def part(folder: IdentityFolder, number: int, name: str) -> Path:
    return folder.path / f"generation-{number:06}" / name


def test_nothing_is_there_when_the_gateway_was_never_enrolled(folder: IdentityFolder) -> None:
    assert not folder.is_there
    with pytest.raises(errors.IdentityError, match="homevitals-gateway enrol") as refused:
        folder.newest()
    assert refused.value.reason is IdentityReason.ABSENT
    assert refused.value.exit_code is errors.ExitCode.CONFIGURATION


@pytest.mark.parametrize("server_authority", [False, True])
def test_generation_is_read_as_it_was_put(folder: IdentityFolder, server_authority: bool) -> None:
    written = put(folder, server_authority=server_authority)
    read = folder.newest()
    assert read == written
    assert (read.access.broker_host, read.access.broker_port) == ("broker.example.org", 8884)
    assert read.renew_after == RENEW_AFTER
    assert (read.enrolment_authority_file is not None) == server_authority
    assert not folder.is_unfinished


def test_newest_is_first_when_there_are_two(folder: IdentityFolder) -> None:
    first, second = put(folder), put(folder)
    assert folder.usable() == [second, first]
    folder.keep_only({second.number})
    assert folder.usable() == [second]
    assert put(folder).number == 3


def test_newer_generation_stays_when_older_ones_go(folder: IdentityFolder) -> None:
    first, second, third = put(folder), put(folder), put(folder)
    folder.keep_only({second.number})
    assert folder.usable() == [third, second]
    assert not part(folder, first.number, "").exists()


def test_everything_is_private_when_written(folder: IdentityFolder) -> None:
    put(folder, server_authority=True)
    folder.begin(b"key")
    modes = {path.name: path.stat().st_mode & 0o077 for path in folder.path.rglob("*")}
    assert len(modes) > 6
    assert not any(modes.values()), modes
    assert folder.path.stat().st_mode & 0o077 == 0


def _other_key(folder: IdentityFolder) -> None:
    part(folder, 2, "key.pem").write_bytes(key_pair.to_pem(key_pair.make()))


def _other_certificate(folder: IdentityFolder) -> None:
    part(folder, 2, "certificate.pem").write_bytes(part(folder, 1, "certificate.pem").read_bytes())


def _other_name(folder: IdentityFolder) -> None:
    path = part(folder, 2, "identity.json")
    path.write_text(path.read_text().replace("gw-aaaaaaa1", "gw-aaaaaaa2"))


def _cut(name: str) -> Callable[[IdentityFolder], None]:
    def cut(folder: IdentityFolder) -> None:
        path = part(folder, 2, name)
        path.write_bytes(path.read_bytes()[:-40])

    return cut


def _gone(name: str) -> Callable[[IdentityFolder], None]:
    return lambda folder: part(folder, 2, name).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_other_key, id="another-key"),
        pytest.param(_other_certificate, id="another-certificate"),
        pytest.param(_other_name, id="another-name"),
        *(
            pytest.param(change(name), id=f"{label}-{name}")
            for label, change in (("cut", _cut), ("no", _gone))
            for name in ("key.pem", "certificate.pem", "authority.pem", "identity.json")
        ),
        pytest.param(_gone("enrolment_authority.pem"), id="no-enrolment-authority"),
    ],
)
def test_older_generation_is_used_when_the_newest_is_not_whole(
    folder: IdentityFolder,
    damage: Callable[[IdentityFolder], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = put(folder)
    put(folder, server_authority=True)
    damage(folder)
    assert folder.usable() == [first]
    assert "identity_damaged" in {record.msg for record in caplog.records}
    # Its number is not given twice.
    assert put(folder).number == 3


def test_damage_is_told_from_absence_when_no_generation_is_whole(folder: IdentityFolder) -> None:
    put(folder)
    part(folder, 1, "certificate.pem").unlink()
    with pytest.raises(errors.IdentityError, match="--replace") as refused:
        folder.newest()
    assert refused.value.reason is IdentityReason.DAMAGED


def test_use_is_refused_when_others_may_read_the_key(folder: IdentityFolder) -> None:
    put(folder)
    part(folder, 1, "key.pem").chmod(0o640)
    with pytest.raises(errors.IdentityError, match="chmod 600") as refused:
        folder.newest()
    assert refused.value.reason is IdentityReason.KEY_EXPOSED


def test_leftovers_do_not_matter_when_a_crash_came_between(folder: IdentityFolder) -> None:
    first = put(folder)
    folder.begin(b"a key that never got a certificate")
    assert folder.is_unfinished
    assert folder.usable() == [first]
    second = put(folder)
    (folder.path / "discarded").mkdir()
    (folder.path / "discarded" / "key.pem").touch()
    folder.keep_only({second.number})
    assert [path.name for path in folder.path.iterdir()] == ["generation-000002"]


def test_generation_of_before_stays_when_the_disk_takes_no_key(
    folder: IdentityFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(folder)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(identity.durable_file.os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        folder.begin(b"key")
    monkeypatch.undo()
    assert folder.usable() == [first]


def test_life_is_read_in_utc(folder: IdentityFolder) -> None:
    certificate = put(folder).certificate
    assert certificate.not_after.utcoffset() == timedelta(0)


def test_the_servers_configuration_keys_are_kept(folder: IdentityFolder) -> None:
    put(folder)
    (key,) = folder.newest().configuration_keys.values()
    assert AUTHORITY.configuration_key is not None
    assert key == AUTHORITY.configuration_key.public_key()


def test_a_generation_of_before_has_no_configuration_keys(folder: IdentityFolder) -> None:
    put(folder)
    part(folder, 1, "configuration_keys.pem").unlink()
    assert folder.newest().configuration_keys == {}


def test_a_damaged_configuration_key_makes_a_damaged_generation(folder: IdentityFolder) -> None:
    put(folder)
    part(folder, 1, "configuration_keys.pem").write_bytes(CONFIGURATION_KEY_PEM[:-30])
    with pytest.raises(errors.IdentityError) as refused:
        folder.newest()
    assert refused.value.reason is IdentityReason.DAMAGED
