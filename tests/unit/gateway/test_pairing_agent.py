"""What BlueZ is told when it asks about pairing."""

from __future__ import annotations

import asyncio
import inspect
import logging
from dataclasses import replace
from typing import Any

import pytest
from dbus_fast import DBusError
from dbus_fast.service import ServiceInterface

from firmware_profiles import models
from firmware_profiles.device_profile import DeviceProfile, Pairing, PairingMode
from gateway.bluez.pairing_agent import PairingAgent
from tests.pairing import Person, closed_desk, pairing

CUFF = "C4:65:1B:00:00:01"
OURS = "/org/bluez/hci0/dev_C4_65_1B_00_00_01"
FOREIGN = "/org/bluez/hci0/dev_C4_65_1B_00_00_02"

# BlueZ's method of each question, and what comes after the device's path.
ASK: dict[str, tuple[Any, ...]] = {
    "confirm": ("RequestConfirmation", 123456),
    "authorize": ("RequestAuthorization",),
    "service": ("AuthorizeService", "1810"),
    "pin": ("RequestPinCode",),
    "passkey": ("RequestPasskey",),
    "show-pin": ("DisplayPinCode", "0000"),
    "show-passkey": ("DisplayPasskey", 42, 0),
}


async def ask(agent: PairingAgent, question: str, device: str) -> Any:
    """Ask as BlueZ does; the decorated methods themselves return nothing."""
    name, *more = ASK[question]
    (method,) = (m for m in ServiceInterface._get_methods(agent) if m.name == name)
    replied = method.fn(agent, device, *more)
    return await replied if inspect.isawaitable(replied) else replied


def model(mode: PairingMode) -> DeviceProfile:
    return replace(models.known().newest["standard-cuff"], pairing=Pairing(mode=mode))


def answer(
    question: str, device: str, mode: PairingMode | None, person: Person | None = None
) -> Any:
    """Ask the agent while a window is open for our cuff, of a model that pairs in this way."""

    async def in_a_window() -> Any:
        with pairing(CUFF, person) as desk:
            window = desk.window_for(CUFF)
            assert window is not None
            if mode is not None:
                await window.note_found(model(mode), is_new=True)
            return await ask(PairingAgent(desk, lambda: None), question, device)

    return asyncio.run(in_a_window())


def refusal(*arguments: Any, caplog: pytest.LogCaptureFixture) -> str:
    with pytest.raises(DBusError) as rejected:
        answer(*arguments)
    assert rejected.value.type == "org.bluez.Error.Rejected"
    (line,) = [record for record in caplog.records if record.message == "pairing_rejected"]
    return str(line.__dict__["reason"])


@pytest.mark.parametrize("question", ["confirm", "authorize"])
def test_pairing_without_a_code_is_accepted_when_the_model_has_none(
    question: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert answer(question, OURS, PairingMode.JUST_WORKS) is None
    assert [(r.message, r.__dict__["peripheral_id"]) for r in caplog.records] == [
        ("pairing_accepted", "00:01")
    ]


def test_code_is_handed_on_when_somebody_types_it() -> None:
    assert answer("passkey", OURS, PairingMode.PASSKEY, Person("012 345")) == 12345


def test_pairing_is_confirmed_when_both_sides_show_the_same_code() -> None:
    assert answer("confirm", OURS, PairingMode.PASSKEY, Person("123456")) is None


def test_code_is_shown_when_it_has_to_be_typed_on_the_peripheral() -> None:
    person = Person()
    answer("show-passkey", OURS, PairingMode.PASSKEY, person)
    assert person.news[-1].passkey == 42


@pytest.mark.parametrize(
    ("question", "mode", "typed", "reason"),
    [
        ("authorize", PairingMode.PASSKEY, "123456", "code_expected"),
        ("authorize", None, "", "code_expected"),
        ("confirm", PairingMode.PASSKEY, "123457", "other_passkey"),
        ("passkey", PairingMode.PASSKEY, "", "no_passkey"),
        ("passkey", PairingMode.PASSKEY, "1234567", "no_passkey"),
        ("passkey", PairingMode.PASSKEY, "１２３４５６", "no_passkey"),
        ("passkey", PairingMode.JUST_WORKS, "123456", "code_not_expected"),
        ("passkey", PairingMode.NONE, "123456", "code_not_expected"),
        ("show-passkey", PairingMode.JUST_WORKS, "", "code_not_expected"),
        ("service", PairingMode.JUST_WORKS, "", "service_not_offered"),
        ("pin", PairingMode.PASSKEY, "123456", "pin_needed"),
        ("show-pin", PairingMode.PASSKEY, "123456", "pin_needed"),
    ],
)
def test_pairing_is_rejected_when_it_is_not_the_model_s_way(
    question: str,
    mode: PairingMode | None,
    typed: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert refusal(question, OURS, mode, Person(typed), caplog=caplog) == reason


@pytest.mark.parametrize("question", list(ASK))
@pytest.mark.parametrize("device", [FOREIGN, "/org/bluez/hci0", f"{OURS}/service0001"])
def test_pairing_is_rejected_when_the_window_is_for_another(
    question: str, device: str, caplog: pytest.LogCaptureFixture
) -> None:
    reason = refusal(question, device, PairingMode.JUST_WORKS, caplog=caplog)
    assert reason in {"no_window", "pin_needed", "service_not_offered"}


def test_pairing_is_rejected_when_no_window_is_open(caplog: pytest.LogCaptureFixture) -> None:
    agent = PairingAgent(closed_desk(), lambda: None)
    for question in ASK:
        with pytest.raises(DBusError):
            asyncio.run(ask(agent, question, OURS))
    reasons = {record.__dict__["reason"] for record in caplog.records}
    assert reasons == {"no_window", "pin_needed", "service_not_offered"}


def test_question_is_withdrawn_when_bluez_cancels_it() -> None:
    class Slow(Person):
        async def ask_passkey(self) -> str:
            await asyncio.Event().wait()
            raise AssertionError("nobody types")

    async def cancelled() -> None:
        with pairing(CUFF, Slow()) as desk:
            window = desk.window_for(CUFF)
            assert window is not None
            await window.note_found(model(PairingMode.PASSKEY), is_new=True)
            agent = PairingAgent(desk, lambda: None)
            asking = asyncio.create_task(ask(agent, "passkey", OURS))
            await asyncio.sleep(0.01)
            agent.cancel()
            with pytest.raises(DBusError):
                await asking

    asyncio.run(cancelled())


def test_release_is_passed_on_when_bluez_lets_the_agent_go() -> None:
    released: list[bool] = []
    PairingAgent(closed_desk(), lambda: released.append(True)).release()
    assert released == [True]


def test_signatures_are_those_of_the_specification_when_exported() -> None:
    # Source: BlueZ 5.66, doc/agent-api.txt.
    methods = ServiceInterface._get_methods(PairingAgent(closed_desk(), lambda: None))
    assert {m.name: (m.in_signature, m.out_signature) for m in methods} == {
        "Release": ("", ""),
        "RequestPinCode": ("o", "s"),
        "DisplayPinCode": ("os", ""),
        "RequestPasskey": ("o", "u"),
        "DisplayPasskey": ("ouq", ""),
        "RequestConfirmation": ("ou", ""),
        "RequestAuthorization": ("o", ""),
        "AuthorizeService": ("os", ""),
        "Cancel": ("", ""),
    }
