from __future__ import annotations

from typing import Any

import pytest

from ccm_link.console.entrance import openid_connect
from ccm_link.console.entrance.openid_connect import Client, Metadata, OpenIdError, Question

ISSUER = "https://op.example/tenant"
DOCUMENT: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://op.example/authorize",
    "token_endpoint": "https://op.example/token",
    "jwks_uri": "https://op.example/keys",
}
METADATA = Metadata(
    ISSUER,
    "https://op.example/a?p=1",
    "https://op.example/t",
    "https://op.example/k",
    names_itself=True,
)
QUESTION = Question("the state", "the nonce", "the verifier")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://op.example", True),
        ("https://op.example:8443/x", True),
        ("http://127.0.0.1:9000", True),
        ("http://localhost/x", True),
        ("http://[::1]:9000", True),
        ("http://op.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://user@127.0.0.1", False),
        ("https://user:password@op.example", False),
        ("https://", False),
        ("ftp://op.example", False),
        ("https://op.example/#part", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_only_encrypted_or_own_addresses_are_safe(address: str, *, expected: bool) -> None:
    assert openid_connect.is_safe(address) is expected


def test_a_description_is_read() -> None:
    found = openid_connect.read_metadata(ISSUER, DOCUMENT)
    assert (found.issuer, found.token_endpoint) == (ISSUER, "https://op.example/token")
    assert not found.names_itself


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": f"{ISSUER}/"},
        {"issuer": ISSUER.upper()},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": 7},
        {"jwks_uri": "http://op.example/keys"},
        {"authorization_endpoint": "//op.example/authorize"},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": []},
    ],
    ids=str,
)
def test_a_description_that_does_not_fit_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(OpenIdError):
        openid_connect.read_metadata(ISSUER, DOCUMENT | changed)


def test_an_endpoint_keeps_its_own_query() -> None:
    client = Client("hv", "", "https://vitals.example/sign-in/provider/return")
    address = openid_connect.address_of(METADATA, client, QUESTION)
    assert address.startswith("https://op.example/a?p=1&response_type=code")
    assert "verifier" not in address.replace("code_verifier", "")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "state"),
        ({"state": "the stat", "code": "c", "iss": ISSUER}, "state"),
        ({"state": "ü", "code": "c", "iss": ISSUER}, "state"),
        ({"state": "the state", "code": "c"}, "issuer_differs"),
        ({"state": "the state", "code": "c", "iss": f"{ISSUER}/"}, "issuer_differs"),
        ({"state": "the state", "error": "access_denied", "iss": ISSUER}, "provider_refused"),
        ({"state": "the state", "code": "", "iss": ISSUER}, "no_code"),
    ],
)
def test_an_answer_that_does_not_belong_here_is_refused(
    answer: dict[str, str], reason: str
) -> None:
    with pytest.raises(OpenIdError) as refused:
        openid_connect.code_of(METADATA, QUESTION, answer)
    assert refused.value.reason == reason


def test_the_code_of_a_right_answer_is_taken() -> None:
    answer = {"state": "the state", "code": "c", "iss": ISSUER}
    assert openid_connect.code_of(METADATA, QUESTION, answer) == "c"
