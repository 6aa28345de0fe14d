"""Requests that arrive slowly, in pieces or never, on a real connection."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from ccm_link.console import connections

PATIENCE_S = 0.4
HEAD = b"GET / HTTP/1.1\r\nHost: h\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"got {len(await request.body())}")


# What came of the answers that have no end.
ended: list[str] = []


async def answer_for_ever(_: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 16_384
                await asyncio.sleep(0)
        finally:
            ended.append("ended")

    return StreamingResponse(pieces())


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Starlette(
        routes=[Route("/", answer, methods=["GET", "POST"]), Route("/endless", answer_for_ever)]
    )
    server = connections.server(
        app, "127.0.0.1", 0, request_timeout_s=PATIENCE_S, write_timeout_s=PATIENCE_S
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline_s = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def line(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as found:
        yield found


def until_closed(line: socket.socket) -> tuple[bytes, float]:
    """Return what came until the server hung up, and how long that took."""
    began_s = time.monotonic()
    got = b""
    try:
        while piece := line.recv(65_536):
            got += piece
    except ConnectionResetError:
        pass
    return got, time.monotonic() - began_s


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GE", id="two letters"),
        pytest.param(HEAD, id="a head without its end"),
        pytest.param(POST, id="a head without its body"),
        pytest.param(POST + b"abc", id="a body without its end"),
    ],
)
def test_a_request_that_never_arrives_is_given_up(line: socket.socket, sent: bytes) -> None:
    line.sendall(sent)
    got, waited_s = until_closed(line)
    assert got == b""
    assert PATIENCE_S / 2 < waited_s < 5


def trickle(line: socket.socket, piece: bytes, pause_s: float) -> None:
    for _ in range(200):
        line.sendall(piece)
        time.sleep(pause_s)


def receive(line: socket.socket, answers: int) -> bytes:
    got = b""
    while got.count(b"got 4") < answers:
        piece = line.recv(65_536)
        assert piece, "the server hung up"
        got += piece
    return got


def test_a_byte_now_and_then_does_not_hold_a_connection(line: socket.socket) -> None:
    began_s = time.monotonic()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        trickle(line, b"X", PATIENCE_S / 8)
    assert time.monotonic() - began_s < 5


def test_a_request_in_pieces_is_answered(line: socket.socket) -> None:
    for piece in (POST[:10], POST[10:], b"ab", b"cd"):
        line.sendall(piece)
        time.sleep(PATIENCE_S / 10)
    receive(line, 1)


def test_every_request_of_a_kept_connection_has_its_time(line: socket.socket) -> None:
    for _ in range(3):
        line.sendall(POST + b"abcd")
        receive(line, 1)
        time.sleep(PATIENCE_S / 2)
    line.sendall(POST + b"abcd" + POST + b"abcd")
    receive(line, 2)
    time.sleep(PATIENCE_S * 1.5)  # a quiet connection is kept for the next request
    line.sendall(POST + b"abcd")
    receive(line, 1)
    line.sendall(HEAD)  # and that one has to come whole, too
    got, _ = until_closed(line)
    assert got == b""


def test_a_head_that_is_too_long_is_refused(line: socket.socket) -> None:
    line.sendall(HEAD)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        trickle(line, b"x: " + b"y" * 1_000 + b"\r\n", 0.001)


def test_whoever_does_not_take_the_answer_is_cut_off(line: socket.socket) -> None:
    ended.clear()
    line.sendall(b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
    deadline_s = time.monotonic() + 10
    while not ended:  # nothing is read meanwhile
        assert time.monotonic() < deadline_s, (
            "the answer is still held for somebody who does not take it"
        )
        time.sleep(0.05)


def test_whoever_takes_the_answer_slowly_gets_it(line: socket.socket) -> None:
    ended.clear()
    line.sendall(b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
    began_s = time.monotonic()
    while time.monotonic() - began_s < PATIENCE_S * 3:
        assert line.recv(1_048_576)
    assert not ended
