"""What BlueZ is told when it asks about pairing."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from dbus_fast import DBusError
from dbus_fast.service import ServiceInterface

from gateway.bluez.pairing_agent import PairingAgent

ALLOWED = "/org/bluez/hci0/dev_C4_65_1B_00_00_01"
FOREIGN = "/org/bluez/hci0/dev_C4_65_1B_00_00_02"

Question = Callable[[PairingAgent, str], None]

CONSENTS = [
    pytest.param(lambda agent, device: agent.request_confirmation(device, 123456), id="confirm"),
    pytest.param(lambda agent, device: agent.request_authorization(device), id="authorize"),
    pytest.param(lambda agent, device: agent.authorize_service(device, "1810"), id="service"),
]
IMPOSSIBLE = [
    pytest.param(lambda agent, device: agent.request_pin_code(device), "pin_needed", id="pin"),
    pytest.param(
        lambda agent, device: agent.request_passkey(device), "passkey_needed", id="passkey"
    ),
    pytest.param(
        lambda agent, device: agent.display_pin_code(device, "0000"),
        "display_needed",
        id="show-pin",
    ),
    pytest.param(
        lambda agent, device: agent.display_passkey(device, 1, 0),
        "display_needed",
        id="show-passkey",
    ),
]


def agent_for(*allowed: str, on_release: Callable[[], None] = lambda: None) -> PairingAgent:
    return PairingAgent(allowed, on_release)


@pytest.mark.parametrize("ask", CONSENTS)
def test_pairing_is_accepted_when_the_peripheral_is_allowed(
    ask: Question, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        ask(agent_for("C4:65:1B:00:00:01"), ALLOWED)
    assert [(r.message, r.__dict__["peripheral_id"]) for r in caplog.records] == [
        ("pairing_accepted", "00:01")
    ]


@pytest.mark.parametrize("ask", CONSENTS)
@pytest.mark.parametrize(
    ("allowed", "device"),
    [
        pytest.param("C4:65:1B:00:00:01", FOREIGN, id="foreign"),
        pytest.param("C4:65:1B:00:00:01", "/org/bluez/hci0", id="no-device"),
        pytest.param("", "/org/bluez/hci0", id="no-device-and-empty-entry"),
    ],
)
def test_pairing_is_rejected_when_the_peripheral_is_not_allowed(
    ask: Question, allowed: str, device: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DBusError) as rejected:
        ask(agent_for(allowed), device)
    assert rejected.value.type == "org.bluez.Error.Rejected"
    (line,) = caplog.records
    assert (line.message, line.__dict__["reason"]) == ("pairing_rejected", "not_of_this_home")


@pytest.mark.parametrize(("ask", "reason"), IMPOSSIBLE)
def test_pairing_is_rejected_when_it_needs_what_a_gateway_lacks(
    ask: Question, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DBusError) as rejected:
        ask(agent_for("C4:65:1B:00:00:01"), ALLOWED)
    assert rejected.value.type == "org.bluez.Error.Rejected"
    (line,) = caplog.records
    assert (line.message, line.__dict__["reason"]) == ("pairing_rejected", reason)


def test_release_is_passed_on_when_bluez_lets_the_agent_go() -> None:
    released: list[bool] = []
    agent_for(on_release=lambda: released.append(True)).release()
    assert released == [True]


def test_signatures_are_those_of_the_specification_when_exported() -> None:
    # Source: BlueZ 5.66, doc/agent-api.txt.
    methods = ServiceInterface._get_methods(agent_for())
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
