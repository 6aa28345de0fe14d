from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import segno

from ccm_link.console.entrance import totp

# Source: RFC 6238, appendix B, the rows for SHA-1; our codes are the last six of its eight digits.
SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert totp.code_at(SECRET, at_s // 30) == code
    assert totp.step_of(SECRET, code, datetime.fromtimestamp(at_s, UTC)) == at_s // 30


AT = datetime(2026, 3, 10, 12, 0, 10, tzinfo=UTC)
STEP = int(AT.timestamp()) // 30


@pytest.mark.parametrize(
    ("drift_s", "found"),
    [(0, True), (-30, True), (30, True), (-60, False), (60, False)],
)
def test_clocks_may_differ_by_one_step(drift_s: int, *, found: bool) -> None:
    code = totp.code_at(SECRET, STEP)
    step = totp.step_of(SECRET, code, AT + timedelta(seconds=drift_s))
    assert step == (STEP if found else None)


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "-12345", "١٢٣٤٥٦", "1" * 1000, "0x1234"]
)
def test_what_is_no_code_is_none(typed: str) -> None:
    assert totp.step_of(SECRET, typed, AT) is None


def test_codes_may_be_typed_in_groups() -> None:
    code = totp.code_at(SECRET, STEP)
    assert totp.step_of(SECRET, f" {code[:3]} {code[3:]} ", AT) == STEP


def test_the_text_in_the_picture_is_what_authenticator_apps_read() -> None:
    account = type("Account", (), {"sign_in_name": "casey", "slug": "millbrook"})()
    parts = urlsplit(totp._address(account, "ABC234"))
    assert (parts.scheme, parts.netloc, parts.path) == (
        "otpauth",
        "totp",
        "/Homevitals%3Acasey%40millbrook",
    )
    assert parse_qs(parts.query) == {
        "secret": ["ABC234"],
        "issuer": ["Homevitals"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_the_picture_shows_the_whole_code_whatever_its_size_on_the_page() -> None:
    text = "otpauth://totp/Homevitals%3Acasey%40millbrook?secret=ABC234"
    opening = re.search(r"<svg[^>]*>", totp._picture(text))
    width, height = segno.make(text, error="m", micro=False).symbol_size()
    assert opening is not None
    assert f'viewBox="0 0 {width} {height}"' in opening[0]
    assert not re.search(r" (width|height)=", opening[0])
