"""What stands between a browser and every route: headers, refusal of foreign posts, an answer of last resort."""

from __future__ import annotations

import logging
import re
import time
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ccm_link.console import problems
from ccm_link.console.problems import Problem

log = logging.getLogger(__name__)

# A note is at most 4 000 characters; a form with every character percent-encoded as four bytes still fits.
MAX_BODY_BYTES: Final = 64 * 1024
# Method, address and all headers. Our cookies are some hundred bytes long, a browser's own headers are below 2 KiB.
MAX_HEAD_BYTES: Final = 16 * 1024
# Source: RFC 9110, section 9.2.1 (safe methods), June 2022; without TRACE, which nobody may use here.
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# TRACE would show a script the cookie that is hidden from it; CONNECT asks for a proxy.
_REFUSED_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
# Some frameworks take the method from a header: guards that look at the method then look at another one.
_OVERRIDES: Final = ("x-http-method", "x-http-method-override", "x-method-override")
# Gateways and other systems are no browsers: nothing here reads a cookie, so no foreign page could borrow one.
_WITHOUT_COOKIES: Final = ("/enrol/v1/", "/api/v1/external-time-entries")
# What is left of a body that was refused is not waited for.
_CLOSING: Final = frozenset({413, 431})

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), bluetooth=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "hid=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
    # Nothing goes to other hosts. "no-referrer" would also blank the Origin of our own forms, which is all that tells
    # where a post comes from in a browser without Sec-Fetch-Site. Source: Fetch standard, "append a request Origin
    # header"; tried in Chromium.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# One year: the lifetime that browsers' preload lists ask for. Only sent where the console is served over https.
_STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"


class BrowserProtection:
    """ASGI middleware, outermost: no answer leaves without its headers, no foreign page posts here."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self.app = app
        self.headers = {**HEADERS, "Cache-Control": "no-store"}
        if is_https:
            self.headers["Strict-Transport-Security"] = _STRICT_TRANSPORT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, text in self.headers.items():
                    headers.setdefault(name, text)
                if message["status"] in _CLOSING:
                    headers["Connection"] = "close"
            await send(message)

        refusal = _refusal(scope, Headers(scope=scope))
        if refusal is not None:
            await problems.response(refusal, scope)(scope, receive, send_with_headers)
            return
        try:
            await self.app(_as_we_answer(scope), receive, send_with_headers)
        except ClientDisconnect:
            log.info("request_given_up")
        except Exception:  # the last resort: the person gets a page, the log the place in the code
            log.exception("request_failed")
            if not started:
                failure = problems.response(problems.FAILED, scope)
                await failure(scope, receive, send_with_headers)


def _refusal(scope: Scope, headers: Headers) -> Problem | None:
    method = scope["method"]
    if not scope["path"].startswith(
        "/"
    ):  # “GET http://other/ HTTP/1.1” and “OPTIONS *” ask a proxy
        return problems.BAD_ADDRESS
    if _head_bytes(scope) > MAX_HEAD_BYTES:
        return problems.HEAD_TOO_LARGE
    if method in _REFUSED_METHODS or any(name in headers for name in _OVERRIDES):
        return problems.NOT_ALLOWED
    if method not in _SAFE_METHODS and problems.is_fhir_for_writing(scope):
        return problems.READ_ONLY
    has_cookies = not scope["path"].startswith(_WITHOUT_COOKIES)
    if method not in _SAFE_METHODS and has_cookies and not comes_from_here(headers):
        return problems.CROSS_SITE
    # A body without a length is counted while it is read, by the middleware behind this one.
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        return problems.TOO_LARGE
    return None


def _head_bytes(scope: Scope) -> int:
    address = len(scope["raw_path"]) + len(scope["query_string"])
    return address + sum(len(name) + len(text) for name, text in scope["headers"])


def _as_we_answer(scope: Scope) -> Scope:
    """Return the request as the routes see it: HEAD like GET (the server leaves the body out), and never a range.

    Nothing here is long enough to be fetched in pieces, and a thousand ranges of one file cost more than the file.
    """
    return {
        **scope,
        "method": "GET" if scope["method"] == "HEAD" else scope["method"],
        "headers": [(name, text) for name, text in scope["headers"] if name != b"range"],
    }


def comes_from_here(headers: Headers) -> bool:
    """Say whether a browser on one of our own pages (or a client that says so) sent this request.

    Browsers since 2023 send ``Sec-Fetch-Site``. Where it is missing, ``Origin`` has to name the host that was
    asked; a client that sends neither is refused.

    Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers", 2025.
    """
    fetch_site = headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def comes_from_elsewhere(headers: Headers) -> bool:
    """Say whether a browser sent this from another site's page; a program that says nothing about it is none.

    For what is only read and yet goes on, such as a stream of events: a foreign page must not even hold one open.
    """
    fetch_site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    return fetch_site in {"cross-site", "same-site"} or (
        origin is not None and urlsplit(origin).netloc != headers.get("host")
    )


class AccessLog:
    """ASGI middleware: one line per request, with the route's template instead of the address asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500  # what a person gets where nothing was answered
        began_s = time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            log.info(
                "request",
                extra={
                    "method": scope["method"],
                    "route": _template(scope),
                    "status": status,
                    "duration_ms": round((time.perf_counter() - began_s) * 1000),
                },
            )


def _template(scope: Scope) -> str:
    """Return the matched route as ``/patients/:patient_id``: addresses asked for hold ids, templates do not."""
    template = getattr(scope.get("route"), "path", "unknown")
    return re.sub(r"\{(\w+)\}", r":\1", template)
