"""What stands between a browser and every route, without a database."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from ccm_link.console import app, security, surroundings
from ccm_link.settings import CcmLinkSettings
from firmware_profiles.errors import SettingsError
from firmware_profiles.logs import JsonLines

ADDRESS = "http://127.0.0.1:8080"
SAME = {"sec-fetch-site": "same-origin"}
FORM = {**SAME, "content-type": "application/x-www-form-urlencoded"}


def ask(
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    settings: CcmLinkSettings | None = None,
    address: str = ADDRESS,
) -> httpx.Response:
    # No pools: every route that needs the database fails, which is one of the cases.
    nothing = cast("Any", None)
    console = app.create_app(
        nothing, nothing, settings or CcmLinkSettings(), lambda: datetime.now(UTC)
    )

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(console), base_url=address
        ) as client:
            return await client.request(method, path, headers=headers, content=content)

    return asyncio.run(answer())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"sec-fetch-site": "same-origin"}, True, id="own page"),
        pytest.param({"sec-fetch-site": "same-site"}, False, id="sister domain"),
        pytest.param({"sec-fetch-site": "cross-site"}, False, id="foreign page"),
        pytest.param({"sec-fetch-site": "none"}, False, id="typed address"),
        pytest.param(
            {"sec-fetch-site": "cross-site", "origin": "http://h:1", "host": "h:1"},
            False,
            id="fetch metadata wins over origin",
        ),
        pytest.param({"origin": "http://h:1", "host": "h:1"}, True, id="old browser, own origin"),
        pytest.param({"origin": "http://h:2", "host": "h:1"}, False, id="other port"),
        pytest.param({"origin": "http://evil", "host": "h"}, False, id="foreign origin"),
        pytest.param({"origin": "null", "host": "h"}, False, id="sandboxed frame"),
        pytest.param({"host": "h"}, False, id="says nothing"),
    ],
)
def test_where_a_request_comes_from(headers: dict[str, str], *, expected: bool) -> None:
    assert security.comes_from_here(Headers(headers)) is expected


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status"),
    [
        pytest.param("GET", "/healthz", {}, b"", 200, id="page"),
        pytest.param("GET", "/static/console.css", {}, b"", 200, id="static file"),
        pytest.param("GET", "/nowhere", {}, b"", 404, id="not found"),
        pytest.param("GET", "/static/%2e%2e/app.py", {}, b"", 404, id="outside of static"),
        pytest.param("POST", "/sign-in", {}, b"", 403, id="foreign post"),
        pytest.param("POST", "/healthz", SAME, b"", 405, id="wrong method"),
        pytest.param("TRACE", "/healthz", {}, b"", 405, id="trace"),
        pytest.param("POST", "/sign-in", FORM, b"x" * 65_537, 413, id="too large"),
        pytest.param(
            "POST", "/sign-in", {**SAME, "content-type": "text/plain"}, b"a=b", 415, id="type"
        ),
        pytest.param("POST", "/sign-in", FORM, b"a=1&a=2", 400, id="field twice"),
        pytest.param("POST", "/sign-in", FORM, b"a=%ff", 400, id="not UTF-8"),
        pytest.param(
            "POST",
            "/sign-in",
            FORM,
            b"&".join(b"f%d=" % n for n in range(299)),
            400,
            id="many fields",
        ),
        pytest.param("GET", "/worklist", {"cookie": "homevitals=x"}, b"", 500, id="failure"),
        pytest.param("HEAD", "/healthz", {}, b"", 200, id="head"),
        pytest.param("OPTIONS", "/healthz", {}, b"", 405, id="options"),
        pytest.param("POST", "/enrol/v1/claim", {}, b"{}", 415, id="a gateway is no browser"),
        pytest.param("POST", "/enrol/v1", {}, b"{}", 403, id="only below enrol"),
        pytest.param("POST", "/enrol/v2/claim", {}, b"{}", 403, id="only this version of it"),
        pytest.param("GET", "/healthz", {"x-http-method-override": "PUT"}, b"", 405, id="override"),
        pytest.param("GET", "/healthz", {"x": "x" * 16_384}, b"", 431, id="long head"),
        pytest.param("GET", "/healthz?" + "x" * 16_384, {}, b"", 431, id="long address"),
        pytest.param("GET", "/healthz?a=1&a=2", {}, b"", 422, id="parameter twice"),
        pytest.param("GET", "/healthz?a=%00", {}, b"", 422, id="NUL"),
        pytest.param("GET", "/healthz?a=%ff", {}, b"", 422, id="query not UTF-8"),
    ],
)
def test_every_answer_carries_the_headers(
    method: str, path: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = ask(method, path, headers=headers, content=content)
    assert answer.status_code == status
    for name, text in security.HEADERS.items():
        assert answer.headers[name] == text
    kept = "public, max-age=86400" if path.endswith(".css") else "no-store"
    assert answer.headers["cache-control"] == kept
    assert "set-cookie" not in answer.headers


def test_a_failure_shows_a_friendly_page_and_logs_no_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = ask("GET", "/worklist?secret=Thornquist", headers={"cookie": "homevitals=geheim"})
    assert "Something went wrong on our side" in answer.text
    assert "Traceback" not in answer.text
    assert "NoneType" not in answer.text
    lines = "\n".join(
        JsonLines().format(record) for record in caplog.records if record.name.startswith("ccm")
    )
    assert "request_failed" in lines
    for word in ("Thornquist", "geheim", "secret"):
        assert word not in answer.text
        assert word not in lines


def test_a_failure_of_the_api_is_a_problem_document() -> None:
    answer = ask("GET", "/api/v1/worklist", headers={"cookie": "homevitals=x"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"title", "status", "detail", "what_to_do"}


def test_the_access_log_holds_the_template_instead_of_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="ccm_link.console.security"):
        ask("GET", "/patients/0c4ae7a2-8f43-4a9b-9d5e-5f1b2c3d4e5f?days=7")
        ask("GET", "/nowhere/0c4ae7a2")
    lines = [JsonLines().format(record) for record in caplog.records]
    assert len(lines) == 2
    assert '"route": "/patients/:patient_id"' in lines[0]
    assert '"status": 303' in lines[0]
    assert '"dropped"' not in lines[0]
    assert '"route": "unknown"' in lines[1]
    assert "0c4ae7a2" not in "".join(lines)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_name_is_refused(host: str) -> None:
    assert ask("GET", "/healthz", headers={"host": host}).status_code == 400


def test_forwarded_headers_change_nothing() -> None:
    answer = ask(
        "GET",
        "/",
        headers={
            "x-forwarded-host": "evil.example",
            "x-forwarded-proto": "https",
            "forwarded": "host=evil",
        },
    )
    assert answer.headers["location"] == "/sign-in?going_to=/"


def test_swagger_and_the_description_are_not_open_to_anybody() -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert ask("GET", path).status_code == 404
    assert ask("GET", "/api/v1/openapi.json").status_code == 401


def test_head_is_get_without_a_body_and_asks_for_the_same_rights() -> None:
    assert ask("HEAD", "/worklist").headers["location"] == "/sign-in?going_to=/worklist"
    assert ask("HEAD", "/sign-out").status_code == 405


def test_no_foreign_page_is_let_in_by_an_answer() -> None:
    preflight = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for method in ("OPTIONS", "GET"):
        answer = ask(method, "/sign-in", headers=preflight)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_ranges_are_passed_over() -> None:
    answer = ask("GET", "/static/console.css", headers={"range": "bytes=0-1,3-4"})
    assert answer.status_code == 200
    assert "content-range" not in answer.headers


def test_a_refused_body_ends_the_connection() -> None:
    assert (
        ask("POST", "/sign-in", headers=FORM, content=b"x" * 65_537).headers["connection"]
        == "close"
    )


TEMPLATES = sorted((Path(app.__file__).parent / "templates").iterdir())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_nothing_that_the_policy_would_have_to_allow(template: Path) -> None:
    # One script of ours, without which the page says the same when it is loaded again.
    text = template.read_text(encoding="utf-8").replace(
        '<script src="{{ needs_script }}" defer></script>', ""
    )
    for forbidden in (
        r"<script|<style|<iframe|<object|<embed|<base\b|javascript:",
        r"\sstyle=|\son[a-z]+=",  # style="…", onclick="…"
        r"(?:src|href|action|formaction|srcset|poster)\s*=\s*[\"']?(?:[a-z]+:)?//",
        r"\|\s*safe\b|autoescape\s+false",
        r"http-equiv=\"(?!refresh)",
    ):
        found = re.search(forbidden, text, re.IGNORECASE)
        assert found is None, found


def test_the_one_script_makes_no_markup_and_runs_no_text() -> None:
    folder = Path(app.__file__).parent / "static"
    assert [file.name for file in folder.iterdir() if file.suffix == ".js"] == ["needs.js"]
    text = (folder / "needs.js").read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function|import|//[a-z]", text
    )


def test_the_policy_allows_nothing_inline_and_no_other_host() -> None:
    policy = security.HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert ":" not in policy
    assert set(re.findall(r"'[a-z-]+'", policy)) == {"'none'", "'self'"}
    sheet = (Path(app.__file__).parent / "static" / "console.css").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\(\s*[\"']?(?:[a-z]+:)?//|expression\(", sheet)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("203.0.113.5", [], "203.0.113.5", id="no proxy"),
        pytest.param("203.0.113.5", ["198.51.100.1"], "203.0.113.5", id="a browser's own word"),
        pytest.param("10.0.0.1", ["198.51.100.1"], "198.51.100.1", id="the proxy's"),
        pytest.param("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1", id="appended to one"),
        pytest.param("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1", id="sent after one"),
        pytest.param("10.0.0.1", ["nonsense"], "", id="nonsense"),
        pytest.param("10.0.0.1", [], "", id="nothing"),
    ],
)
def test_where_a_request_comes_from_in_the_network(
    peer: str, forwarded: list[str], expected: str
) -> None:
    nothing = cast("Any", None)
    settings = CcmLinkSettings(proxy_address="10.0.0.1")
    console = app.create_app(nothing, nothing, settings, lambda: datetime.now(UTC))
    scope = {
        "type": "http",
        "app": console,
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", one.encode()) for one in forwarded],
    }
    assert surroundings.network_of(Request(scope)) == expected


def test_https_hardens_transport() -> None:
    settings = CcmLinkSettings(public_url="https://vitals.example.org")
    answer = ask("GET", "/healthz", settings=settings, address="http://vitals.example.org")
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    assert "strict-transport-security" not in ask("GET", "/healthz").headers
    assert ask("GET", "/healthz", settings=settings).status_code == 400


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(CcmLinkSettings(host="0.0.0.0"), id="open to the network without TLS"),
        pytest.param(CcmLinkSettings(host="console.local"), id="a name that may be anything"),
        pytest.param(CcmLinkSettings(public_url="http://vitals.example.org"), id="http"),
        pytest.param(CcmLinkSettings(public_url="https://"), id="no name"),
        pytest.param(CcmLinkSettings(public_url="https://vitals.example.org/app"), id="a path"),
    ],
)
def test_settings_that_would_send_passwords_in_the_clear_are_refused(
    settings: CcmLinkSettings,
) -> None:
    with pytest.raises(SettingsError, match="ccm_link"):
        ask("GET", "/healthz", settings=settings)
