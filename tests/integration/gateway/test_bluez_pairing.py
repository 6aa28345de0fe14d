"""Pairing on BlueZ: only in a window, with the agent that the way of pairing needs, and told to a person."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import models
from firmware_profiles.device_profile import Pairing, PairingMode
from firmware_profiles.matching import Match
from gateway import cli, control_client, errors, pairing_command
from gateway.control_socket import NAME, ControlSocket
from gateway.errors import ExitCode, SessionReason
from gateway.pairing_requests import PairingRequests
from gateway.pairing_window import Stage
from gateway.settings import NOT_SET
from gateway.visiting import Visiting
from tests.integration.gateway.bluez_room import (
    CUFF,
    FOREIGN,
    FRAMES,
    Room,
    a_and_d,
    rested,
    settled,
)
from tests.integration.gateway.fake_bluez import Cuff

pytestmark = [
    pytest.mark.ble,
    pytest.mark.timeout(30),
    pytest.mark.filterwarnings("ignore:unclosed <socket.*dbus:ResourceWarning"),
]

REJECTED = "org.bluez.Error.Rejected"
QUESTIONS = ["RequestConfirmation", "RequestAuthorization", "RequestPasskey", "RequestPinCode"]


@pytest.fixture(autouse=True)
def _model_with_a_code() -> Iterator[None]:
    """Know a model that pairs with a code."""
    standard = models.known().newest["standard-cuff"]
    with_code = replace(
        standard,
        profile_id="cuff-with-code",
        title="Cuff with a code",
        match=(Match(name="Code-Cuff"),),
        pairing=Pairing(mode=PairingMode.PASSKEY),
    )
    models.add([with_code])
    yield
    models.add([])


def with_passkey() -> Cuff:
    """A cuff that shows six digits when it pairs."""
    return Cuff(
        address=CUFF,
        name="Code-Cuff",
        services={"1810": {"2a35": ["indicate"]}},
        clock="",
        clock_content=b"",
        question="RequestPasskey",
        sends_unasked=True,
        unsent=list(FRAMES),
    )


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("is_foreign", [True, False])
def test_agent_rejects_everything_when_no_window_is_open(
    room: Room, question: str, *, is_foreign: bool
) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()) as bluez, room.radio(pairs=False):
            device = FOREIGN if is_foreign else bluez.device
            answer = await bluez.ask_agent(None, question, device)
            assert answer is not None
            assert answer.error_name == REJECTED

    asyncio.run(work())


@pytest.mark.parametrize("question", QUESTIONS)
def test_agent_rejects_others_when_a_window_is_open_for_one(room: Room, question: str) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()) as bluez, room.radio():
            answer = await bluez.ask_agent(None, question, FOREIGN)
            assert answer is not None
            assert answer.error_name == REJECTED

    asyncio.run(work())


@pytest.mark.parametrize(
    ("cuff", "passkey", "capability"),
    [
        pytest.param(a_and_d, "", "NoInputNoOutput", id="just-works"),
        pytest.param(with_passkey, "123 456", "KeyboardDisplay", id="passkey"),
    ],
)
def test_our_agent_is_asked_with_the_capability_that_the_profile_needs(
    room: Room, cuff: Callable[[], Cuff], passkey: str, capability: str
) -> None:
    room.person.passkey = passkey

    async def work() -> None:
        async with room.bluez(cuff()) as bluez, room.radio() as adapter:
            bluez.put_other_agent_first()  # another program has taken it since
            assert await room.visit(adapter) == 2
            assert bluez.capability_at_pairing == capability

    asyncio.run(work())


@pytest.mark.parametrize(
    ("question", "typed", "reason"),
    [
        pytest.param("RequestPasskey", "654321", None, id="other-code"),
        pytest.param("RequestPasskey", "", "no_passkey", id="nothing-typed"),
        pytest.param("RequestPasskey", "12345", "no_passkey", id="five-digits"),
        pytest.param("RequestConfirmation", "654321", "other_passkey", id="shows-another"),
        pytest.param("RequestAuthorization", "123456", "code_expected", id="wants-no-code"),
        pytest.param("RequestPinCode", "123456", "pin_needed", id="old-bluetooth"),
    ],
)
def test_pairing_fails_and_the_log_says_why_when_the_code_is_not_right(
    room: Room,
    question: str,
    typed: str,
    reason: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    room.person.passkey = typed

    async def work() -> None:
        cuff = with_passkey()
        cuff.question = question
        async with room.bluez(cuff), room.radio() as adapter:
            with pytest.raises(errors.SessionError) as failed:
                await room.visit(adapter)
            assert failed.value.reason is SessionReason.PAIRING_REFUSED
            assert not cuff.is_bonded

    asyncio.run(work())
    reasons = [r.__dict__["reason"] for r in caplog.records if r.message == "pairing_rejected"]
    assert reasons == ([] if reason is None else [reason])
    assert "123456" not in caplog.text


def test_session_goes_no_further_when_a_model_with_a_code_pairs_without_one(room: Room) -> None:
    async def work() -> None:
        cuff = with_passkey()
        cuff.question = None  # BlueZ asks nobody
        async with room.bluez(cuff), room.radio() as adapter:
            with pytest.raises(errors.SessionError) as failed:
                await room.visit(adapter)
            assert failed.value.reason is SessionReason.PAIRING_REFUSED
            assert cuff.is_bonded

    asyncio.run(work())
    assert room.stored() == []


@asynccontextmanager
async def served(room: Room, passkeys_file: Path = NOT_SET) -> AsyncIterator[Visiting]:
    """Run the gateway's radios and its control socket."""
    async with room.visiting() as visiting:
        requests = PairingRequests(visiting, passkeys_file).handlers()
        socket = ControlSocket(room.settings.state_folder, requests)
        serving = asyncio.create_task(socket.serve())
        await settled((room.settings.state_folder / NAME).exists)
        await settled(lambda: visiting.radios[0].adapter is not None)
        try:
            yield visiting
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def command(room: Room, *words: str) -> ExitCode:
    """Run the command line's “pair” with the room's settings."""
    options = cli.build_parser().parse_args(["pair", *words])
    return pairing_command.pair(options, room.settings)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], int]]:
    """Return a function that types a line into standard input."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "w", buffering=1) as keyboard:
        monkeypatch.setattr("sys.stdin", stdin)
        yield lambda line: keyboard.write(f"{line}\n")


def test_command_pairs_and_says_how_it_goes_when_the_gateway_runs(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        cuff = a_and_d()
        async with room.bluez(cuff) as bluez, served(room) as visiting:
            await rested()
            assert bluez.count("Connect") + bluez.count("Pair") == 0  # no window
            assert await asyncio.to_thread(command, room, CUFF) is ExitCode.OK
            assert visiting.desk.window_for(CUFF) is None
            cuff.unsent.append(FRAMES[0])  # from now on without any window
            await settled(lambda: room.stored() == [*FRAMES, FRAMES[0]])
            assert bluez.count("Pair") == 1

    asyncio.run(work())
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("Looking for the peripheral, 120 s left")
    assert told[1] == "Found “A&D_UA-651BLE_000001”; connecting."
    assert told[2] == "Paired: A&D UA-651BLE upper-arm cuff. It handed over 2 records."


def test_command_asks_for_the_code_when_the_peripheral_shows_one(
    room: Room, typed: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        async with room.bluez(with_passkey()), served(room):
            typed("123456")
            assert await asyncio.to_thread(command, room, CUFF) is ExitCode.OK
            assert room.stored() == FRAMES

    asyncio.run(work())
    out = capsys.readouterr().out
    assert "The peripheral shows a code of six digits. Type it: " in out
    assert "123456" not in out


def test_nobody_is_asked_for_a_code_that_was_noted_beforehand(
    room: Room, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noted = tmp_path / "passkeys.toml"
    noted.touch(mode=0o600)
    noted.write_text(f'"{CUFF}" = "123456"')

    async def work() -> None:
        async with room.bluez(with_passkey()), served(room, noted):
            assert await asyncio.to_thread(command, room, CUFF) is ExitCode.OK
            assert room.stored() == FRAMES

    asyncio.run(work())
    assert "Type it" not in capsys.readouterr().out


def test_window_stays_open_for_another_attempt_when_the_first_failed(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()) as bluez, served(room):
            bluez.faults["Pair"].append("org.bluez.Error.AuthenticationFailed")
            assert await asyncio.to_thread(command, room, CUFF) is ExitCode.OK

    asyncio.run(work())
    assert "Not yet: they did not pair" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        pytest.param(
            ["C4:65:1B:00:00:09"], "not one of this home's peripherals: add it", id="not-listed"
        ),
        pytest.param([CUFF, "--seconds", "1"], "was not heard within the time", id="silent"),
    ],
)
def test_command_says_what_to_do_when_it_cannot_pair(
    room: Room, words: list[str], text: str
) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.unsent.clear()
        async with room.bluez(cuff), served(room):
            await asyncio.to_thread(command, room, *words)

    with pytest.raises(errors.ControlError, match=text):
        asyncio.run(work())


def test_command_says_to_start_the_gateway_when_it_does_not_run(room: Room) -> None:
    with pytest.raises(errors.GatewayAwayError, match="the gateway does not run"):
        command(room, CUFF)


def test_second_window_is_refused_when_one_is_open(room: Room) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.unsent.clear()
        async with room.bluez(cuff), served(room) as visiting:
            first = asyncio.create_task(asyncio.to_thread(_pair_for_a_second, room))
            await settled(lambda: visiting.desk.window_for(CUFF) is not None)
            with pytest.raises(errors.ControlError, match="already"):
                await asyncio.to_thread(command, room, CUFF)
            await first

    asyncio.run(work())


def _pair_for_a_second(room: Room) -> None:
    with pytest.raises(errors.ControlError):
        command(room, CUFF, "--seconds", "1")


def test_window_closes_when_the_person_leaves(room: Room) -> None:
    def leave_soon() -> None:
        request = {"do": "pair", "address": CUFF}
        with control_client.asking(room.settings.state_folder, request) as gateway:
            assert gateway.next_line() == {"news": pytest.approx(_searching(), abs=5)}

    async def work() -> None:
        cuff = a_and_d()
        cuff.unsent.clear()
        async with room.bluez(cuff) as bluez, served(room) as visiting:
            await asyncio.to_thread(leave_soon)
            await settled(lambda: visiting.desk.window_for(CUFF) is None)
            cuff.unsent += FRAMES
            await rested()
            assert bluez.count("Pair") == 0

    asyncio.run(work())


def _searching() -> dict[str, Any]:
    return {
        "stage": Stage.SEARCHING,
        "title": "",
        "passkey": None,
        "words": "",
        "seconds_left": 120,
    }


def test_list_shows_who_could_be_paired_and_who_is(
    room: Room, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.pairing_requests._TICK_S", 0.2)

    async def work() -> None:
        async with room.bluez(a_and_d()), served(room):
            assert await asyncio.to_thread(command, room, "--list") is ExitCode.OK

    asyncio.run(work())
    (row,) = capsys.readouterr().out.splitlines()
    assert row.startswith(f"{CUFF}   -60 dBm  A&D UA-651BLE upper-arm cuff (A&D_UA-651BLE_")
    assert row.endswith("): pairs without a code")


def test_gateway_does_not_use_a_bond_that_was_made_without_the_code_of_its_model(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        cuff = with_passkey()
        cuff.question = None
        async with room.bluez(cuff) as bluez, served(room):
            await asyncio.to_thread(command, room, CUFF)
            assert cuff.is_bonded
            connected = bluez.count("Connect")
            await rested()
            assert bluez.count("Connect") == connected

    asyncio.run(work())
    assert "will not use this bond" in capsys.readouterr().out
    assert room.stored() == []
