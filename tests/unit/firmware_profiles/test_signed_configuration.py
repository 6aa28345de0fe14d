"""The envelope of a configuration and a gateway's answer to it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import gateway_configuration, signed_configuration
from firmware_profiles.errors import WireError, WireReason
from firmware_profiles.signed_configuration import (
    ConfigurationAnswer,
    ConfigurationRefusal,
    Refused,
    SignedConfiguration,
)

SIGNED = SignedConfiguration("ab" * 32, bytes(range(64)), b'{"format":1}')
ANSWER = ConfigurationAnswer(
    3, Refused(4, ConfigurationRefusal.BROKEN_PROFILE, "our-cuff.toml, line 12: no such step")
)


def test_a_signed_configuration_comes_back() -> None:
    assert signed_configuration.decode(signed_configuration.encode(SIGNED)) == SIGNED


def test_the_largest_content_fits_into_one_message() -> None:
    largest = replace(SIGNED, content=b"x" * gateway_configuration.MAX_BYTES)
    assert len(signed_configuration.encode(largest)) <= signed_configuration.MAX_BYTES


def test_a_signature_is_over_more_than_the_content() -> None:
    assert signed_configuration.signed_bytes(b"x").startswith(b"homevitals gateway configuration")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("version", 2),
        ("version", "1"),
        ("key_id", "AB" * 32),
        ("key_id", "ab"),
        ("signature", ""),
        ("signature", "AAAA"),
        ("signature", "*" * 88),
        ("content", "A"),
        ("content", "AA==\n"),
        ("content", None),
    ],
)
def test_what_is_no_signed_configuration_is_refused(name: str, written: object) -> None:
    document = json.loads(signed_configuration.encode(SIGNED)) | {name: written}
    with pytest.raises(WireError):
        signed_configuration.decode(json.dumps(document).encode())


@given(
    st.builds(
        ConfigurationAnswer,
        applied=st.integers(0, gateway_configuration.MAX_NUMBER),
        refused=st.none()
        | st.builds(
            Refused,
            number=st.none() | st.integers(1, gateway_configuration.MAX_NUMBER),
            reason=st.sampled_from(ConfigurationRefusal),
            detail=st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=400),
        ),
    )
)
def test_an_answer_comes_back(answer: ConfigurationAnswer) -> None:
    assert signed_configuration.decode_answer(signed_configuration.encode_answer(answer)) == answer


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (("version",), 9),
        (("applied",), -1),
        (("applied",), None),
        (("refused", "number"), 0),
        (("refused", "reason"), "because"),
        (("refused", "detail"), "x" * 401),
        (("refused", "detail"), "a\nb"),
        (("refused", "detail"), None),
        (("refused",), []),
    ],
)
def test_what_is_no_answer_is_refused(path: tuple[str, ...], written: object) -> None:
    document: Any = json.loads(signed_configuration.encode_answer(ANSWER))
    (document if len(path) == 1 else document[path[0]])[path[-1]] = written
    with pytest.raises(WireError):
        signed_configuration.decode_answer(json.dumps(document).encode())


def test_more_than_a_message_is_not_even_read() -> None:
    with pytest.raises(WireError) as caught:
        signed_configuration.decode(b" " * (signed_configuration.MAX_BYTES + 1))
    assert caught.value.reason is WireReason.TOO_LARGE
