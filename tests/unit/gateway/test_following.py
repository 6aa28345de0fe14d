"""What a gateway follows: the old configuration or the new one, whatever happens in between."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware_profiles import models, session_steps
from firmware_profiles.gateway_configuration import AllowedPeripheral, Schedule
from firmware_profiles.signed_configuration import (
    ConfigurationAnswer,
    ConfigurationRefusal,
    Refused,
)
from gateway import configuration_store, following_report
from gateway.following import Following, Plan
from gateway.identity import BrokerAccess
from gateway.rotation import Fixed
from gateway.settings import GatewaySettings
from tests.signed_configurations import CUFF, GATEWAY, KEY, configuration, keys_of, message
from tests.unit.gateway.test_remote_configuration import OUR_FILE

TYPED = "AA:BB:CC:DD:EE:99"
Follow = Callable[..., Following]


class Crash(BaseException):
    """The power goes."""


@pytest.fixture(autouse=True)
def _no_site_profiles_afterwards() -> Iterator[None]:
    yield
    models.add(())


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings(
        time_zone="UTC",
        state_folder=tmp_path,
        peripherals=(TYPED,),
        revisit_after_s=5.0,
        status_every_s=60.0,
    )


@pytest.fixture
def follow(settings: GatewaySettings) -> Follow:
    def make(gateway_id: str = GATEWAY, key: Ed25519PrivateKey = KEY, **changes: Any) -> Following:
        nowhere = Path("none")
        access = BrokerAccess(gateway_id, "b", 1, nowhere, nowhere, nowhere)
        changed = GatewaySettings(**{**_members(settings), **changes})
        return Following(changed, Fixed(access, keys_of(key)))

    return make


def _members(settings: GatewaySettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__slots__}


def test_without_a_configuration_the_settings_hold(follow: Follow) -> None:
    plan = follow().plan
    assert (plan.number, list(plan.peripherals), plan.revisit_after_s) == (0, [TYPED], 5.0)


def test_a_configuration_takes_effect_at_once_and_is_told(follow: Follow) -> None:
    following = follow()
    plans: list[Plan] = []
    following.on_change(plans.append)

    following.take(message(configuration(4, schedule=Schedule(revisit_after_s=60.0))))

    assert plans == [following.plan]
    assert (following.plan.number, list(following.plan.peripherals)) == (4, [CUFF])
    assert (following.plan.revisit_after_s, following.plan.status_every_s) == (60.0, 60.0)
    assert following.news.is_set()
    assert following.answer() == ConfigurationAnswer(4)


def test_it_is_followed_after_a_restart(follow: Follow) -> None:
    follow().take(message(configuration(4)))
    assert follow().plan.number == 4
    assert list(follow().plan.peripherals) == [CUFF]


def test_an_older_one_is_refused_also_after_a_restart(follow: Follow) -> None:
    follow().take(message(configuration(4)))
    following = follow()
    following.take(message(configuration(3, peripherals=())))
    assert list(following.plan.peripherals) == [CUFF]
    assert following.answer() == ConfigurationAnswer(
        4, Refused(3, ConfigurationRefusal.OLDER, "4 is followed")
    )


def test_a_refusal_is_forgotten_with_the_next_one_that_is_followed(follow: Follow) -> None:
    following = follow()
    following.take(b"{")
    assert following.answer().refused is not None
    following.take(message(configuration(1)))
    assert following.answer() == ConfigurationAnswer(1)


def test_a_repetition_is_answered_and_changes_nothing(follow: Follow) -> None:
    following = follow()
    following.take(message(configuration(1)))
    following.news.clear()
    following.on_change(lambda _: pytest.fail("nothing has changed"))
    following.take(message(configuration(1)))
    assert following.news.is_set()
    assert following.answer() == ConfigurationAnswer(1)


def test_the_broker_forgetting_it_changes_nothing(follow: Follow) -> None:
    following = follow()
    following.take(message(configuration(1)))
    following.take(b"")
    assert following.answer() == ConfigurationAnswer(1)


def test_an_empty_list_is_a_list(follow: Follow) -> None:
    following = follow()
    following.take(message(configuration(1, peripherals=())))
    assert dict(following.plan.peripherals) == {}


def test_the_machine_can_refuse_them_all(follow: Follow) -> None:
    follow().take(message(configuration(4)))
    following = follow(remote_configuration=False)
    assert list(following.plan.peripherals) == [TYPED]
    following.take(message(configuration(5)))
    assert following.answer() == ConfigurationAnswer(
        0, Refused(None, ConfigurationRefusal.SWITCHED_OFF)
    )
    assert follow().plan.number == 4


def test_an_unknown_key_is_asked_for(follow: Follow) -> None:
    asked: list[str] = []
    following = follow()
    following.on_unknown_key(lambda: asked.append("now"))
    following.take(message(configuration(1), Ed25519PrivateKey.generate()))
    assert asked == ["now"]
    assert following.plan.number == 0


def test_what_was_kept_holds_also_when_its_key_is_gone(follow: Follow) -> None:
    follow().take(message(configuration(4)))
    following = follow(key=Ed25519PrivateKey.generate())
    assert following.plan.number == 4


def test_another_gateways_configuration_is_not_followed(follow: Follow) -> None:
    follow().take(message(configuration(4)))
    assert follow(gateway_id="gw-somebod1").plan.number == 0


def test_site_profiles_come_and_go_with_it(follow: Follow) -> None:
    following = follow()
    following.take(message(configuration(1, profile_files=(OUR_FILE,))))
    assert models.newest("our-cuff").title
    models.add(())
    follow()
    assert models.newest("our-cuff").title
    following.take(message(configuration(2)))
    assert models.known().get("our-cuff", 1) is None


def test_a_profile_that_a_later_release_cannot_read_costs_itself_alone(
    follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = (AllowedPeripheral(CUFF), AllowedPeripheral(TYPED, "our-cuff"))
    files = (OUR_FILE,)
    follow().take(message(configuration(1, peripherals=pinned, profile_files=files)))
    monkeypatch.setattr(session_steps, "STEPS", {})

    following = follow()

    assert list(following.plan.peripherals) == [CUFF, TYPED]
    assert models.known().get("our-cuff", 1) is None
    answer = following.answer()
    assert answer.applied == 1
    assert answer.refused is not None
    assert answer.refused.reason is ConfigurationRefusal.BROKEN_PROFILE


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other key", "no json"])
def test_a_damaged_file_is_not_followed_and_comes_again(
    follow: Follow, settings: GatewaySettings, damage: str
) -> None:
    follow().take(message(configuration(4)))
    file = settings.state_folder / configuration_store.FILE
    content = file.read_bytes()
    members = json.loads(content)
    harm = {
        "cut": content[: len(content) // 2],
        "flipped": content.replace(members["message"].encode(), _flipped(members["message"])),
        "empty": b"",
        "other key": content.replace(members["public_key"][-20:].encode(), b"A" * 20),
        "no json": b"\xff\x00",
    }
    file.write_bytes(harm[damage])

    following = follow()

    assert list(following.plan.peripherals) == [TYPED]
    assert following.answer() == ConfigurationAnswer(0)
    following.take(message(configuration(4)))
    assert follow().plan.number == 4


def _flipped(text: str) -> bytes:
    middle = len(text) // 2
    return (text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]).encode()


STEPS = ("open", "fchmod", "write", "fsync", "replace", "fsync folder")


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_leaves_the_old_one_or_the_new_one(
    follow: Follow, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    following = follow()
    following.take(message(configuration(1)))
    told: list[Plan] = []
    following.on_change(told.append)
    with monkeypatch.context() as patch:
        _crash_at(patch, step)
        with pytest.raises(Crash):
            following.take(message(configuration(2, peripherals=())))

    assert told == []
    after = follow().plan
    assert (after.number, len(after.peripherals)) in {(1, 1), (2, 0)}
    assert after.number == (2 if step == "fsync folder" else 1)


def _crash_at(patch: pytest.MonkeyPatch, step: str) -> None:
    def crash(*_: object, **__: object) -> None:
        raise Crash

    match step:
        case "open" | "fchmod" | "fsync":
            patch.setattr(os, step, crash)
        case "write":
            real = os.fdopen

            def half(*arguments: Any) -> Any:
                file = real(*arguments)
                file.write(b'{"version": 1,')
                file.flush()
                file.close()
                raise Crash

            patch.setattr(os, "fdopen", half)
        case "replace":
            patch.setattr(Path, "replace", crash)
        case _:
            patch.setattr("gateway.durable_file.sync_folder", crash)


def test_a_full_disk_is_answered(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    following = follow()
    following.take(message(configuration(1)))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        following.take(message(configuration(2, peripherals=())))

    assert following.answer() == ConfigurationAnswer(1, Refused(2, ConfigurationRefusal.NOT_STORED))
    assert list(following.plan.peripherals) == [CUFF]
    assert follow().plan.number == 1
    following.take(message(configuration(2, peripherals=())))
    assert following.answer() == ConfigurationAnswer(2)


def test_what_is_followed_is_said_to_a_person(follow: Follow, settings: GatewaySettings) -> None:
    by_hand = replace(settings, gateway_id=GATEWAY)
    assert "the server has sent none" in following_report.of_settings(by_hand)
    named = (AllowedPeripheral(CUFF, "and-ua-651ble", "Kitchen"),)
    follow().take(
        message(configuration(4, peripherals=named, schedule=Schedule(status_every_s=90.0)))
    )
    assert following_report.of_settings(by_hand).splitlines() == [
        "configuration: version 4 of the server, made 2026-11-28 08:00 UTC",
        "  peripheral AA:BB:CC:DD:EE:01, “Kitchen”, by and-ua-651ble",
        "  asked again after 5 s, sent again after 15 s, status every 90 s",
    ]
    alone = replace(by_hand, remote_configuration=False)
    assert "these settings alone" in following_report.of_settings(alone)


def test_a_list_of_nobody_is_said_to_a_person(follow: Follow, settings: GatewaySettings) -> None:
    follow().take(message(configuration(1, peripherals=())))
    said = following_report.of_settings(replace(settings, gateway_id=GATEWAY))
    assert "no peripheral at all" in said


def test_what_holds_is_known_also_while_nothing_runs(
    follow: Follow, settings: GatewaySettings
) -> None:
    follow().take(message(configuration(1)))
    by_hand = replace(settings, gateway_id=GATEWAY)
    assert list(following_report.plan(by_hand).peripherals) == [CUFF]
    assert list(following_report.plan(settings).peripherals) == [TYPED]  # enrolled nowhere yet
    alone = replace(by_hand, remote_configuration=False)
    assert list(following_report.plan(alone).peripherals) == [TYPED]
