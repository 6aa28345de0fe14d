"""Requests to an EHR: to its own addresses alone, bounded in time and size, without redirects; failures in our words.

Nothing of an answer but its status, three headers and what it says as JSON is kept, and none of that is logged.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx

from ccm_link.care_record.port import Failure, Json, NotTaken
from ccm_link.fhir import resource_json

# A resource with a plan as PDF in it is below a megabyte; a search answers with a page of them.
_MOST_BYTES: Final = 4 * 1024 * 1024
# A day: what asks for more is not believed, and asked again then.
_LONGEST_REST_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Json:
        """Return the body as one JSON object.

        Raises:
            NotTaken: It is none.
        """
        try:
            found = resource_json.read(self.content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise NotTaken(Failure.BAD_ANSWER)
        return found


class HttpClient:
    """Connections to one EHR and to whoever gives tokens for it."""

    def __init__(self, *, timeout_s: float, ca_file: Path) -> None:
        self._timeout_s = timeout_s
        try:
            trusted = ssl.create_default_context(cafile=None if ca_file == Path() else ca_file)
        except OSError:
            raise NotTaken(Failure.SETTINGS) from None
        self._client = httpx.Client(
            verify=trusted, timeout=timeout_s, follow_redirects=False, trust_env=False
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        Raises:
            NotTaken: There was none, or nobody knows whether the request arrived.
        """
        content = None if body is None else resource_json.written(body)
        sent = {"accept": resource_json.CONTENT_TYPE, **headers}
        if content is not None:
            sent["content-type"] = resource_json.CONTENT_TYPE
        return self._exchange(
            self._client.build_request(method, url, params=query, headers=sent, content=content)
        )

    def post_form(
        self, url: str, fields: Mapping[str, str], basic: tuple[str, str] | None
    ) -> Answer:
        """Post a form, as whoever gives tokens wants it; ``basic`` is the client's name and secret.

        Raises:
            NotTaken: There was no answer.
        """
        request = self._client.build_request(
            "POST", url, data=dict(fields), headers={"accept": "application/json"}
        )
        if basic is not None:
            request = next(httpx.BasicAuth(*basic).auth_flow(request))
        return self._exchange(request)

    def _exchange(self, request: httpx.Request) -> Answer:
        given_up_s = time.monotonic() + 3 * self._timeout_s
        try:
            answer = self._client.send(request, stream=True)
            try:
                content = b""
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > _MOST_BYTES:
                        raise NotTaken(Failure.BAD_ANSWER)
                    if time.monotonic() > given_up_s:
                        raise NotTaken(Failure.TIMEOUT)
            finally:
                answer.close()
        except httpx.TimeoutException:
            raise NotTaken(Failure.TIMEOUT) from None
        except httpx.ConnectError as error:
            is_tls = isinstance(_root(error), ssl.SSLError)
            raise NotTaken(Failure.TLS if is_tls else Failure.UNREACHABLE) from None
        except httpx.RemoteProtocolError:
            raise NotTaken(Failure.BAD_ANSWER) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise NotTaken(Failure.UNREACHABLE) from None
        return Answer(
            answer.status_code,
            {name.lower(): text for name, text in answer.headers.items()},
            content,
        )


def not_taken(answer: Answer, *, otherwise: Failure = Failure.REFUSED) -> NotTaken:
    """Return what a status that is none of those hoped for means.

    Source: RFC 9110, section 15; RFC 6585, section 4 (429); FHIR R4, “HTTP”, status codes of create and update.
    """
    status = answer.status
    if 300 <= status < 400:
        return NotTaken(Failure.REDIRECTED)
    if status in {429, 503}:
        return NotTaken(Failure.BUSY, retry_after_s=_retry_after_s(answer))
    if status == 401:
        return NotTaken(Failure.SIGN_IN)
    if status in {408, 425, 504}:
        return NotTaken(Failure.TIMEOUT)
    if status >= 500 or status < 200:
        return NotTaken(Failure.SERVER_FAULT)
    if 200 <= status < 300:
        return NotTaken(Failure.BAD_ANSWER)
    return NotTaken(otherwise)


def _retry_after_s(answer: Answer) -> float | None:
    """Return the seconds or the instant that the other side names. Source: RFC 9110, section 10.2.3."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), _LONGEST_REST_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return min(max(0.0, (at - datetime.now(UTC)).total_seconds()), _LONGEST_REST_S)


def _root(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
