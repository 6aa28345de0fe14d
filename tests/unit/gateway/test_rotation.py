"""Which identity is shown next, and when the old one goes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import enrolment, enrolment_server, errors, renewal, rotation
from gateway.errors import UplinkReason
from gateway.identity import Generation, IdentityFolder
from gateway.rotation import Fixed, Rotation
from gateway.settings import GatewaySettings
from tests.enrolment_server import CODE, EnrolmentServer


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings(time_zone="UTC", state_folder=tmp_path / "state")


@pytest.fixture
def first(enrolment: EnrolmentServer, settings: GatewaySettings) -> Generation:
    return claim(enrolment, settings, CODE)


def claim(server: EnrolmentServer, settings: GatewaySettings, code: str) -> Generation:
    server.codes.add(code)
    now = datetime.now(UTC)
    return enrolment_claim(
        server.address, None, code, settings.state_folder, now, replace=True
    ).generation


enrolment_claim = enrolment.claim


def renew(server: EnrolmentServer, generation: Generation, settings: GatewaySettings) -> Generation:
    asked = enrolment_server.at(server.address, None)
    return renewal.renew(asked, generation, IdentityFolder(settings.state_folder))[0]


def opened(settings: GatewaySettings) -> Rotation:
    found = rotation.opened(settings)
    assert isinstance(found, Rotation)
    return found


def on_disk(settings: GatewaySettings) -> list[Generation]:
    return IdentityFolder(settings.state_folder).usable()


def test_hand_given_identity_is_shown_whatever_the_state_folder_holds(
    first: Generation, settings: GatewaySettings, tmp_path: Path
) -> None:
    by_hand = GatewaySettings(
        gateway_id="gw-aaaaaaa1",
        broker_host="broker",
        ca_file=Path("/ca"),
        certificate_file=Path("/cert"),
        key_file=Path("/key"),
        time_zone="UTC",
        state_folder=settings.state_folder,
    )
    fixed = rotation.opened(by_hand)
    assert isinstance(fixed, Fixed)
    access = fixed.to_show()
    fixed.refused(access, UplinkReason.TLS)
    assert fixed.to_show() == access
    assert fixed.gateway_id == access.gateway_id == "gw-aaaaaaa1"


def test_start_is_refused_when_there_is_no_identity(settings: GatewaySettings) -> None:
    with pytest.raises(errors.IdentityError, match="enrol"):
        rotation.opened(settings)


def test_only_identity_is_shown_again_and_again_when_it_is_refused(
    first: Generation, settings: GatewaySettings
) -> None:
    shown = opened(settings)
    for _ in range(3):
        assert shown.to_show() == first.access
        shown.refused(first.access, UplinkReason.REFUSED)
    assert shown.is_proved
    assert shown.refusals == 3


def test_old_identity_goes_when_the_broker_has_taken_the_new_one(
    enrolment: EnrolmentServer, first: Generation, settings: GatewaySettings
) -> None:
    shown = opened(settings)
    second = renew(enrolment, first, settings)
    shown.add(second)
    assert not shown.is_proved
    assert on_disk(settings) == [second, first]
    assert shown.to_show() == second.access
    shown.accepted(second.access)
    assert shown.is_proved
    assert on_disk(settings) == [second]


def test_attempts_alternate_when_the_broker_refuses_the_new_identity(
    enrolment: EnrolmentServer, first: Generation, settings: GatewaySettings
) -> None:
    shown = opened(settings)
    second = renew(enrolment, first, settings)
    shown.add(second)
    sequence = []
    for _ in range(4):
        sequence.append(shown.to_show())
        shown.refused(shown.to_show(), UplinkReason.TLS)
    assert sequence == [second.access, first.access, second.access, first.access]
    assert shown.refusals == 2
    shown.refused(second.access, UplinkReason.UNREACHABLE)  # says nothing about the certificate
    assert shown.refusals == 2
    shown.accepted(first.access)
    assert shown.has_fallen_back
    assert on_disk(settings) == [second, first]
    assert shown.to_show() == second.access


def test_proved_identity_stays_when_a_third_one_takes_the_place_of_the_refused(
    enrolment: EnrolmentServer, first: Generation, settings: GatewaySettings
) -> None:
    shown = opened(settings)
    second = renew(enrolment, first, settings)
    shown.add(second)
    third = renew(enrolment, second, settings)
    shown.add(third)
    assert on_disk(settings) == [third, first]
    # A process that starts now goes on in the same way.
    again = opened(settings)
    assert again.to_show() == third.access
    again.refused(third.access, UplinkReason.TLS)
    assert again.to_show() == first.access


def test_new_identity_survives_when_the_old_one_connects_while_it_is_written(
    enrolment: EnrolmentServer, first: Generation, settings: GatewaySettings
) -> None:
    shown = opened(settings)
    second = renew(enrolment, first, settings)
    shown.accepted(first.access)  # before anybody has told of the second
    shown.add(second)
    assert on_disk(settings) == [second, first]


def test_identity_of_another_name_never_speaks_again_when_a_crash_left_it(
    enrolment: EnrolmentServer,
    first: Generation,
    settings: GatewaySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(IdentityFolder, "keep_only", lambda *_: None)
    enrolment.gateway_id = "gw-another1"
    second = claim(enrolment, settings, "SECOND-CODE")
    monkeypatch.undo()
    assert on_disk(settings) == [second, first]
    shown = opened(settings)
    shown.refused(second.access, UplinkReason.TLS)
    assert shown.to_show() == second.access
    shown.accepted(second.access)
    assert on_disk(settings) == [second]


def test_connection_stands_when_the_old_identity_cannot_be_removed(
    enrolment: EnrolmentServer,
    first: Generation,
    settings: GatewaySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    shown = opened(settings)
    shown.add(renew(enrolment, first, settings))
    monkeypatch.setattr(IdentityFolder, "keep_only", refuse)
    shown.accepted(shown.to_show())
    assert shown.is_proved
    monkeypatch.undo()
    shown.accepted(shown.to_show())  # the next connection
    assert len(on_disk(settings)) == 1
