"""The envelope of a configuration and a gateway's answer to it."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
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
from tests.unit.firmware_profiles.test_gateway_configuration import EXAMPLE

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


SCHEMA = json.loads(
    resources.files("firmware_profiles").joinpath("wire_v1.schema.json").read_text("utf-8")
)


def fits(name: str, document: object) -> bool:
    """Whether a document is what the schema calls by that name."""
    schema = {"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(document))


def test_the_schema_knows_every_reason() -> None:
    refused = SCHEMA["$defs"]["configured_payload"]["properties"]["refused"]
    assert refused["properties"]["reason"]["enum"] == list(ConfigurationRefusal)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("configuration_payload", signed_configuration.encode(SIGNED)),
        ("configured_payload", signed_configuration.encode_answer(ANSWER)),
        ("configured_payload", signed_configuration.encode_answer(ConfigurationAnswer(0))),
        ("configuration", gateway_configuration.encode(EXAMPLE)),
    ],
)
def test_the_schema_says_the_same(name: str, payload: bytes) -> None:
    document = json.loads(payload)
    assert fits(name, document)
    for missing in document:
        assert not fits(name, {key: document[key] for key in document if key != missing})


@pytest.mark.parametrize("field", sorted(EXAMPLE.__slots__))
def test_the_schema_refuses_what_cannot_be_meant(field: str) -> None:
    document = json.loads(gateway_configuration.encode(EXAMPLE)) | {field: -1}
    assert not fits("configuration", document)
    assert not fits("configuration", json.loads(gateway_configuration.encode(EXAMPLE)) | {"x": 1})
