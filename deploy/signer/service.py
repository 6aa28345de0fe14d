"""The signer as a process: answers questions on a unix socket, one JSON object a line, and nothing else.

Who may ask is decided by the file mode of the socket. A question that cannot be read or done gets a refusal, and the
next one is answered as before. The protocol is described in :mod:`ingest.signing`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import fcntl
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy import errors
from deploy.settings import SignerSettings
from deploy.signer.authority import GatewayAuthority
from deploy.signer.configuration_keys import ConfigurationKeys
from deploy.signer.issue_log import IssueLog
from firmware_profiles import gateway_configuration, strict_json
from firmware_profiles.errors import WireError
from ingest import signing
from ingest.errors import EnrolmentRefused
from ingest.signing import MOST_LINE_BYTES, RevokedSerial

log = logging.getLogger(__name__)

# Consoles and a guard need a few; more at once wait, and their own patience ends before the door's.
_MOST_CONNECTIONS: Final = 32
_PATIENCE_S: Final = 10.0

Answer = dict[str, object]
_FAILED: Final[Answer] = {"refused": "failed"}
_MALFORMED: Final[Answer] = {"refused": "malformed"}


class _Malformed(Exception):
    """The question lacks a member, or one is of another form."""


class Answers:
    """Answers one question after the other. Whatever is asked, it returns an answer."""

    def __init__(
        self,
        authority: GatewayAuthority,
        configuration_keys: ConfigurationKeys,
        issue_log: IssueLog,
        clock: Callable[[], datetime],
    ) -> None:
        self._authority = authority
        self._configuration_keys = configuration_keys
        self._issue_log = issue_log
        self._clock = clock

    def answer(self, line: bytes) -> Answer:
        """Return the answer to one line."""
        try:
            question = strict_json.parse_object(line, max_bytes=MOST_LINE_BYTES)
            match question.get("do"):
                case "issue":
                    return self._issue(question)
                case "revocation_list":
                    return {"crl": self._authority.revocation_list(_serials(question))}
                case "authority":
                    return {"certificate": self._authority.bundle()}
                case "sign_configuration":
                    return self._sign_configuration(question)
                case "configuration_keys":
                    return {"public_keys": self._configuration_keys.public_keys()}
                case _:
                    return _MALFORMED
        except (WireError, _Malformed):
            return _MALFORMED
        except EnrolmentRefused as error:
            log.info("certificate_refused", extra={"reason": error.reason})
            return {"refused": error.reason}
        except Exception:  # a fault of ours costs one answer, never the process
            log.exception("signing_failed")
            return _FAILED

    def _issue(self, question: Mapping[str, object]) -> Answer:
        gateway_id = _text(question, "gateway_id")
        issued = self._authority.issue(gateway_id, _text(question, "csr"))
        self._issue_log.note(gateway_id, issued, self._clock())
        log.info("certificate_issued", extra={"gateway_id": gateway_id})
        return signing.members_of(issued)

    def _sign_configuration(self, question: Mapping[str, object]) -> Answer:
        content = _bytes_of(question, "content")
        # Nothing else is signed with these keys, so what is no configuration is refused here as well.
        configuration = gateway_configuration.decode(content)
        signed = self._configuration_keys.sign(content)
        self._issue_log.note_configuration(configuration, signed, self._clock())
        log.info("configuration_signed", extra={"gateway_id": configuration.gateway_id})
        return {
            "key_id": signed.key_id,
            "signature": base64.b64encode(signed.signature).decode("ascii"),
        }


def _bytes_of(members: Mapping[str, object], name: str) -> bytes:
    try:
        return base64.b64decode(_text(members, name), validate=True)
    except (binascii.Error, ValueError):
        raise _Malformed from None


def _text(members: Mapping[str, object], name: str) -> str:
    found = members.get(name)
    if not isinstance(found, str):
        raise _Malformed
    return found


def _serials(question: Mapping[str, object]) -> list[RevokedSerial]:
    listed = question.get("serials")
    if not isinstance(listed, list):
        raise _Malformed
    return [_serial(one) for one in listed]


def _serial(one: object) -> RevokedSerial:
    if not isinstance(one, dict):
        raise _Malformed
    serial = _text(one, "serial")
    # X.509 has serials of at most 159 bits that are not zero.
    if not signing.SERIAL_PATTERN.fullmatch(serial) or not 0 < int(serial, 16) < 1 << 159:
        raise _Malformed
    try:
        return RevokedSerial(serial, signing.instant_of(_text(one, "revoked_at")))
    except ValueError:
        raise _Malformed from None


def _now() -> datetime:
    return datetime.now(UTC)


def run(
    settings: SignerSettings, stop: threading.Event, clock: Callable[[], datetime] = _now
) -> None:
    """Serve until the event is set; ``clock`` returns aware UTC.

    Raises:
        ConfigurationError: the authority's files cannot be used.
        ProcessFailed: another signer works in the folder, or the socket cannot be made.
    """
    with _only_one(settings.folder):
        authority = GatewayAuthority(settings.folder, clock)
        keys = ConfigurationKeys(settings.folder, clock)
        answers = Answers(authority, keys, IssueLog(settings.folder / "issued.jsonl"), clock)
        asyncio.run(_serve(answers, settings, stop))


async def _serve(answers: Answers, settings: SignerSettings, stop: threading.Event) -> None:
    door = asyncio.Semaphore(_MOST_CONNECTIONS)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, TimeoutError):
                async with door:
                    await _converse(answers, reader, writer)
        finally:
            writer.close()

    # The lock says that nobody serves this socket: what is there was left by a process that was killed.
    settings.socket.unlink(missing_ok=True)
    mask = os.umask(0o117 if settings.socket_for_group else 0o177)
    try:
        server = await asyncio.start_unix_server(converse, settings.socket, limit=MOST_LINE_BYTES)
    except OSError as error:
        raise errors.ProcessFailed(
            f"the socket {settings.socket} cannot be made ({error.strerror}); "
            "make its folder, or set signer.socket to another place"
        ) from None
    finally:
        os.umask(mask)
    log.info("signer_ready")
    async with server:
        await asyncio.to_thread(stop.wait)
    settings.socket.unlink(missing_ok=True)


async def _converse(
    answers: Answers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        async with asyncio.timeout(_PATIENCE_S):
            try:
                line = await reader.readline()
            except (
                ValueError
            ):  # longer than the limit; the rest of it cannot be told from the next one
                line = b""
                writer.write(_line(_MALFORMED))
            else:
                if line:
                    writer.write(_line(answers.answer(line)))
            await writer.drain()
        if not line:
            return


def _line(answer: Answer) -> bytes:
    return json.dumps(answer).encode() + b"\n"


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder: two signers would make two authorities and take each other's socket."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise errors.ProcessFailed(
                f"another signer works in {folder}; stop that one first"
            ) from None
        yield
