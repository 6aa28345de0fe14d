"""A POST to a machine that is not ours: bounded in time and size, without redirects, with errors that tell nothing."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from alerts import errors
from alerts.errors import Failure

_MOST_BYTES: Final = 64 * 1024  # of an answer; an id needs some dozens
# Source: RFC 9110, section 15 (408, 429, 5xx may pass by), RFC 8470 (425); what else is refused will be refused again.
_PASSING: Final = frozenset({408, 425, 429})


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, ca_file: Path
) -> bytes:
    """Post a body and return the answer's, which has a status of 2xx.

    Args:
        url: Safe, see :func:`alerts.channels.addresses.is_safe`.
        body: What to send.
        headers: Beside those that HTTP needs.
        timeout_s: Of each step of the exchange; the answer as a whole may take three of them.
        ca_file: Certificates (PEM) of the authorities to believe; ``Path()``: the system's.

    Raises:
        errors.NotSent: with why, and whether there is any use in trying again.
    """
    given_up_s = time.monotonic() + 3 * timeout_s
    try:
        with (
            httpx.Client(
                verify=_trusted(ca_file), timeout=timeout_s, follow_redirects=False, trust_env=False
            ) as client,
            client.stream("POST", url, content=body, headers=dict(headers)) as answer,
        ):
            _require_taken(answer.status_code)
            return _read(answer, given_up_s)
    except httpx.TimeoutException:
        raise errors.NotSent(Failure.TIMEOUT) from None
    except httpx.ConnectError as error:
        is_tls = isinstance(_root(error), ssl.SSLError)
        raise errors.NotSent(Failure.TLS if is_tls else Failure.UNREACHABLE) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        raise errors.NotSent(Failure.UNREACHABLE) from None


def _trusted(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca_file == Path() else ca_file)


def _require_taken(status: int) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        # Somewhere else is not where the operator wanted it to go.
        raise errors.NotSent(Failure.REDIRECTED, is_final=True)
    if status in _PASSING or status >= 500:
        raise errors.NotSent(Failure.BUSY)
    raise errors.NotSent(Failure.REFUSED, is_final=True)


def _read(answer: httpx.Response, given_up_s: float) -> bytes:
    """Read an answer to the message that was taken already: what is wrong with it is no reason to send it again."""
    content = b""
    try:
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > _MOST_BYTES or time.monotonic() > given_up_s:
                return b""
    except httpx.HTTPError:
        return b""
    return content


def _root(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
