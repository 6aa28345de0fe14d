"""What the routes of enrolment refuse before they look at a code: no database, no signer."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg_pool import ConnectionPool

from ccm_link.console import app
from ccm_link.settings import CcmLinkSettings
from tests.enrolled_gateways import signing_request

NOW = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
PRACTICE = "0d7d3a3a-6a53-4c8b-a2f7-6b1f0e5a9c11"


def ask(method: str, path: str, body: bytes, content_type: str) -> httpx.Response:
    """Ask an application whose database nobody can reach."""
    nowhere: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool("", open=False)
    console = app.create_app(nowhere, nowhere, CcmLinkSettings(), lambda: NOW)

    async def exchange() -> httpx.Response:
        transport = httpx.ASGITransport(console)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            headers = {"Content-Type": content_type}
            return await client.request(method, path, content=body, headers=headers)

    return asyncio.run(exchange())


def problem(answer: httpx.Response, status: int, *withheld: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["what_to_do"]
    for sent in withheld:
        assert sent not in answer.text


GOOD_CSR = signing_request(ec.generate_private_key(ec.SECP256R1()))
CLAIM = {"code": "0000-0000-0000-0000-0000", "csr": GOOD_CSR}
JSON = "application/json"


@pytest.mark.parametrize("route", ["claim", "renewal"])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", JSON, 422),
        (b"{", JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (b"[]", JSON, 422),
        (b"{}", JSON, 422),
        (b'{"code": NaN}', JSON, 422),
        (b'{"code": "a", "code": "b"}', JSON, 400),
        (b'{"code": ' + b"[" * 50 + b"]" * 50 + b"}", JSON, 400),
        (b'{"code": "\\ud800", "csr": "x"}', JSON, 400),
        (b'{"code": "\\u0000", "csr": "x"}', JSON, 422),
        (json.dumps(CLAIM | {"practice_id": PRACTICE}).encode(), JSON, 422),
        (json.dumps(CLAIM | {"code": 7}).encode(), JSON, 422),
        (json.dumps(CLAIM | {"csr": [GOOD_CSR]}).encode(), JSON, 422),
        (json.dumps(CLAIM | {"csr": "x" * 9_000}).encode(), JSON, 422),
        (json.dumps(CLAIM | {"csr": "x" * 70_000}).encode(), JSON, 413),
        (json.dumps(CLAIM).encode(), "text/plain", 415),
        (b"code=0000&csr=x", "application/x-www-form-urlencoded", 415),
    ],
    ids=[
        "nothing", "half", "no UTF-8", "array", "empty object", "NaN", "key twice", "deep", "half a character",
        "NUL", "field that is not asked for", "number", "list", "long request", "long body", "other type", "form",
    ],
)  # fmt: skip
def test_body_that_is_not_meant_here_is_refused_without_repeating_it(
    route: str, body: bytes, content_type: str, status: int
) -> None:
    answer = ask("POST", f"/enrol/v1/{route}", body, content_type)

    problem(answer, status, GOOD_CSR[40:80], "0000-0000", PRACTICE, "x" * 50)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_taken(method: str) -> None:
    problem(ask(method, "/enrol/v1/claim", b"", JSON), 405)
