"""Asking the enrolment server: one HTTPS request and its answer, within a bounded time and size.

The address is not a URL of anything: https, or http to this very machine, where a proxy or a test stands in front.
Redirects are not followed and proxies of the environment are not used, so the server that was checked is the one
that is told the code.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from gateway import errors
from gateway.errors import EnrolmentReason

_CONNECT_WITHIN_S: Final = 10.0
# For the whole exchange after the connection stands, however slowly the bytes trickle.
ANSWER_WITHIN_S: Final = 30.0
MAX_ANSWER_BYTES: Final = 64 * 1024

# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED. Source: OpenSSL 3.0, x509_vfy.h.
_OUTSIDE_ITS_DATES: Final = frozenset({9, 10})

_REASON_OF_STATUS: Final[Mapping[int, EnrolmentReason]] = {
    400: EnrolmentReason.REQUEST_REFUSED,
    403: EnrolmentReason.REFUSED,
    409: EnrolmentReason.KEY_USED,
    413: EnrolmentReason.REQUEST_REFUSED,
    415: EnrolmentReason.REQUEST_REFUSED,
    422: EnrolmentReason.REQUEST_REFUSED,
    429: EnrolmentReason.BUSY,
    503: EnrolmentReason.BUSY,
}


@dataclass(frozen=True, slots=True)
class EnrolmentServer:
    """Where the server is and how it is recognised.

    Attributes:
        address: as it was given.
        authority_file: certificates (PEM) that its own is checked against; None for the system's.
    """

    address: str
    authority_file: Path | None
    is_secure: bool
    host: str
    port: int
    path: str


def at(address: str, authority_file: Path | None) -> EnrolmentServer:
    """Take an address apart.

    Raises:
        ConfigurationError: it is not https (or http to this machine), or holds more than a server.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urllib.parse.urlsplit("")
    has_extras = parts.username or parts.password or parts.query or parts.fragment
    if not host or parts.scheme not in {"http", "https"} or has_extras or not address.isascii():
        raise errors.ConfigurationError(
            "the enrolment server is not an address like https://console.example.org"
        )
    is_secure = parts.scheme == "https"
    if not is_secure and not _is_this_machine(host):
        raise errors.ConfigurationError(
            "the enrolment server is asked over https only; http is for 127.0.0.1, ::1 and localhost"
        )
    return EnrolmentServer(
        address=address,
        authority_file=authority_file,
        is_secure=is_secure,
        host=host,
        port=port or (443 if is_secure else 80),
        path=parts.path.rstrip("/"),
    )


def post(server: EnrolmentServer, path: str, document: Mapping[str, str]) -> bytes:
    """Send one JSON document and return the body of the answer 201.

    Raises:
        ConfigurationError: the authority file cannot be used.
        ServerAwayError: nothing was sent (UNREACHABLE, TLS, CLOCK), or it was and no whole answer came (NO_ANSWER).
        EnrolmentError: the server answered something else; the reason follows from the status.
    """
    connection = _connected(server)
    connection.sock.settimeout(ANSWER_WITHIN_S)
    deadline = threading.Timer(ANSWER_WITHIN_S, _cut, (connection.sock,))
    deadline.daemon = True
    deadline.start()
    try:
        status, body = _exchange(connection, server.path + path, json.dumps(document).encode())
    except (OSError, http.client.IncompleteRead) as error:
        raise errors.ServerAwayError(EnrolmentReason.NO_ANSWER) from error
    except http.client.HTTPException as error:
        raise errors.EnrolmentError(EnrolmentReason.NOT_THE_SERVER) from error
    finally:
        deadline.cancel()
        connection.close()
    if status != HTTPStatus.CREATED:
        raise errors.EnrolmentError(_reason(status))
    return body


def _exchange(
    connection: http.client.HTTPConnection, path: str, document: bytes
) -> tuple[int, bytes]:
    connection.request(
        "POST",
        path,
        body=document,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )
    with connection.getresponse() as response:
        if response.status != HTTPStatus.CREATED:
            return response.status, b""
        body = response.read(MAX_ANSWER_BYTES + 1)
        if len(body) > MAX_ANSWER_BYTES:
            raise errors.EnrolmentError(EnrolmentReason.BAD_ANSWER)
        if response.length:  # announced, and never came
            raise http.client.IncompleteRead(body, response.length)
        return response.status, body


def _connected(server: EnrolmentServer) -> http.client.HTTPConnection:
    if server.is_secure:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            server.host, server.port, timeout=_CONNECT_WITHIN_S, context=_context(server)
        )
    else:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=_CONNECT_WITHIN_S)
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        is_outside = error.verify_code in _OUTSIDE_ITS_DATES
        raise errors.ServerAwayError(
            EnrolmentReason.CLOCK if is_outside else EnrolmentReason.TLS
        ) from error
    except ssl.SSLError as error:
        raise errors.ServerAwayError(EnrolmentReason.TLS) from error
    except (OSError, UnicodeError) as error:  # a host name's label may be too long to be asked for
        raise errors.ServerAwayError(EnrolmentReason.UNREACHABLE) from error
    return connection


def _context(server: EnrolmentServer) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=server.authority_file)
    except OSError as error:  # ssl.SSLError is one
        raise errors.ConfigurationError(
            f"the enrolment authority {server.authority_file} cannot be read as certificates (PEM)"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may have ended by itself
        # Not SSLSocket's own, which would take the connection from under the thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _reason(status: int) -> EnrolmentReason:
    if status in _REASON_OF_STATUS:
        return _REASON_OF_STATUS[status]
    is_server_failure = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return EnrolmentReason.SERVER_FAILED if is_server_failure else EnrolmentReason.NOT_THE_SERVER


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
