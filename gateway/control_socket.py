"""The running gateway's ear for the person beside it: a unix socket in the state folder, one request a connection.

One JSON object a line, each way. Whoever connects says what they want; the end is one answer, or words of refusal::

    {"do": "pair", …} → {"news": …}  any number of times, while it lasts
                      → {"want": …}  and one line comes back
                      → {"answer": {…}}, or {"refused": words}

Whoever closes the connection takes the request back. Who may ask is decided by the file modes of socket and folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from firmware_profiles import strict_json
from firmware_profiles.errors import WireError
from gateway import errors

log = logging.getLogger(__name__)

NAME: Final = "control.socket"
MOST_LINE_BYTES: Final = 64 * 1024
# One person at a time stands before a gateway; programs that ask beside them are few.
_MOST_CONNECTIONS: Final = 8
_PATIENCE_S: Final = 10.0

Members = Mapping[str, object]


class Dialogue:
    """What a request may say and ask while it is worked on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._wanted: asyncio.Future[Members] | None = None

    async def tell(self, news: object) -> None:
        """Say how far the request is."""
        await self.send({"news": news})

    async def ask(self, want: object) -> Members:
        """Ask the person for something and return what comes back."""
        self._wanted = asyncio.get_running_loop().create_future()
        await self.send({"want": want})
        return await self._wanted

    async def hear(self) -> Members:
        """Return the next line.

        Raises:
            WireError: it is no JSON object, or there is none.
        """
        try:
            line = await self._reader.readline()
        except ValueError:  # longer than the limit
            line = b""
        return strict_json.parse_object(line, max_bytes=MOST_LINE_BYTES)

    async def take_replies(self) -> None:
        """Take what the person says until they leave; what nobody has asked for is dropped."""
        with contextlib.suppress(WireError, OSError):
            while True:
                said = await self.hear()
                if self._wanted is not None and not self._wanted.done():
                    self._wanted.set_result(said)

    async def send(self, members: Members) -> None:
        """Send one line."""
        self._writer.write(json.dumps(members).encode() + b"\n")
        async with asyncio.timeout(_PATIENCE_S):
            await self._writer.drain()


# Works on one request, whose members it gets, and returns the answer's; cancelled when the person leaves.
Handler = Callable[[Members, Dialogue], Awaitable[Members]]


class ControlSocket:
    """The socket and what can be asked through it.

    Args:
        state_folder: Where the socket appears. Its lock is held: no other gateway serves there.
        handlers: What `do` may name, and who does it.
    """

    def __init__(self, state_folder: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = state_folder / NAME
        self._handlers = handlers
        self._door = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._conversations: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Answer requests until cancelled. Without a socket the gateway works all the same, and the log says so."""
        self._path.unlink(missing_ok=True)  # left by a process that was killed
        mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(
                self._accept, self._path, limit=MOST_LINE_BYTES
            )
        except OSError as error:
            log.warning("control_socket_failed", extra={"error": error.strerror or str(error)})
            await asyncio.Event().wait()
            return
        finally:
            os.umask(mask)
        try:
            async with server:
                await asyncio.Event().wait()
        finally:
            self._path.unlink(missing_ok=True)
            for conversation in self._conversations:
                conversation.cancel()
            await asyncio.gather(*self._conversations, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Tasks of our own: Python 3.11 makes noise about those of its server that are cancelled.
        conversation = asyncio.create_task(self._converse(reader, writer))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialogue = Dialogue(reader, writer)
        try:
            async with self._door:
                with contextlib.suppress(OSError, TimeoutError):
                    await dialogue.send(await self._end_of(dialogue))
        finally:
            writer.close()

    async def _end_of(self, dialogue: Dialogue) -> Members:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                request = await dialogue.hear()
            handler = self._handlers[str(request.get("do"))]
        except (WireError, KeyError):
            return {"refused": "this gateway does not know the request; is it of another version?"}
        work = asyncio.ensure_future(handler(request, dialogue))
        listening = asyncio.create_task(dialogue.take_replies())
        try:
            await asyncio.wait({work, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return {"refused": "taken back"}
            return {"answer": work.result()}
        except errors.GatewayError as error:
            return {"refused": str(error)}
        except ConnectionError:  # they left while they were told something
            return {"refused": "taken back"}
        except Exception:  # a fault of ours costs one answer, never the gateway
            log.exception("control_request_failed", extra={"request": request["do"]})
            return {"refused": "the gateway failed at it; its log says why"}
        finally:
            for task in (work, listening):
                task.cancel()
            await asyncio.gather(work, listening, return_exceptions=True)
