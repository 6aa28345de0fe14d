"""Asking the running gateway: answers, questions back, refusals, and people who leave."""

from __future__ import annotations

import asyncio
import logging
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import control_client, errors
from gateway.control_socket import NAME, ControlSocket, Dialogue, Members


class Handlers:
    """What the tests ask for."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def add(self, request: Members, dialogue: Dialogue) -> Members:
        await dialogue.tell("thinking")
        more = await dialogue.ask("a number")
        return {"sum": request["first"] + more["second"]}  # type: ignore[operator]

    async def wait(self, _request: Members, dialogue: Dialogue) -> Members:
        await dialogue.tell("waiting")
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        raise AssertionError("nobody ends this")

    async def refuse(self, _request: Members, _dialogue: Dialogue) -> Members:
        raise errors.ControlError("not today; come back tomorrow")

    async def fail(self, _request: Members, _dialogue: Dialogue) -> Members:
        raise ZeroDivisionError("a secret")


@pytest.fixture
def at_the_socket(tmp_path: Path) -> Callable[[Callable[[Path], Any]], Any]:
    """Return a function that runs another beside a served socket, with its folder, in a thread."""

    def at_the_socket(work: Callable[[Path], Any]) -> Any:
        async def serve() -> Any:
            handlers = Handlers()
            members = {n: getattr(handlers, n) for n in ("add", "wait", "refuse", "fail")}
            serving = asyncio.create_task(ControlSocket(tmp_path, members).serve())
            async with asyncio.timeout(5):
                while not (tmp_path / NAME).exists():  # noqa: ASYNC110  # it has no event to offer
                    await asyncio.sleep(0.005)
                try:
                    result = await asyncio.to_thread(work, tmp_path)
                    if result == "left":
                        await handlers.left.wait()
                    return result
                finally:
                    serving.cancel()
                    await asyncio.gather(serving, return_exceptions=True)

        return asyncio.run(serve())

    return at_the_socket


def test_answer_comes_after_news_and_a_question_when_a_request_is_worked_on(
    at_the_socket: Any,
) -> None:
    def work(folder: Path) -> list[Members]:
        with control_client.asking(folder, {"do": "add", "first": 2}) as request:
            lines = [request.next_line(), request.next_line()]
            request.say({"second": 3})
            return [*lines, request.next_line()]

    assert at_the_socket(work) == [
        {"news": "thinking"},
        {"want": "a number"},
        {"answer": {"sum": 5}},
    ]


def test_socket_is_its_owner_s_only_and_gone_when_the_gateway_has_ended(
    at_the_socket: Any, tmp_path: Path
) -> None:
    mode = at_the_socket(lambda folder: stat.S_IMODE((folder / NAME).stat().st_mode))
    assert mode == 0o600
    assert not (tmp_path / NAME).exists()


def test_request_is_taken_back_when_whoever_asked_leaves(at_the_socket: Any) -> None:
    def work(folder: Path) -> str:
        with control_client.asking(folder, {"do": "wait"}) as request:
            request.next_line()
        return "left"

    assert at_the_socket(work) == "left"


def test_refusal_has_the_gateway_s_words_when_it_does_not_want(at_the_socket: Any) -> None:
    with pytest.raises(errors.ControlError, match="come back tomorrow"):
        at_the_socket(lambda folder: control_client.answer(folder, {"do": "refuse"}))


def test_fault_costs_one_answer_and_tells_nothing_when_a_handler_fails(
    at_the_socket: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def work(folder: Path) -> Members:
        with pytest.raises(errors.ControlError, match="its log says why") as refused:
            control_client.answer(folder, {"do": "fail"})
        assert "secret" not in str(refused.value)
        with control_client.asking(folder, {"do": "add"}) as request:
            return request.next_line()

    with caplog.at_level(logging.ERROR):
        assert at_the_socket(work) == {"news": "thinking"}
    assert [record.message for record in caplog.records] == ["control_request_failed"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"do": "dance"}\n', id="unknown"),
        pytest.param(b'{"do": ["pair"]}\n', id="no-word"),
        pytest.param(b"{}\n", id="nothing"),
        pytest.param(b"pair!\n", id="no-json"),
        pytest.param(b'{"do":' + b" " * 70_000 + b'"add"}\n', id="too-long"),
    ],
)
def test_request_is_refused_when_nobody_can_read_it(at_the_socket: Any, line: bytes) -> None:
    def work(folder: Path) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(folder / NAME))
            connection.sendall(line)
            with connection.makefile("rb") as lines:
                return lines.readline()

    assert b"does not know the request" in at_the_socket(work)


def test_person_is_told_to_start_the_gateway_when_it_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(errors.GatewayAwayError, match="the gateway does not run"):
        control_client.answer(tmp_path, {"do": "add"})
    with socket.socket(socket.AF_UNIX) as killed:  # one that left its socket behind
        killed.bind(str(tmp_path / NAME))
    with pytest.raises(errors.GatewayAwayError, match="the gateway does not run"):
        control_client.answer(tmp_path, {"do": "add"})


def test_gateway_goes_on_without_a_socket_when_none_can_be_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        folder = tmp_path / ("long" * 40)
        folder.mkdir()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ControlSocket(folder, {}).serve(), 0.05)

    asyncio.run(work())
    assert [record.message for record in caplog.records] == ["control_socket_failed"]
