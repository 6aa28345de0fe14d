"""A gateway's configuration: written in one way, believed whole or not at all, and without a place for a person."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import gateway_configuration as format_of
from firmware_profiles.errors import WireError, WireReason
from firmware_profiles.gateway_configuration import (
    AllowedPeripheral,
    GatewayConfiguration,
    ProfileFile,
    Schedule,
)

CUFF = AllowedPeripheral("AA:BB:CC:DD:EE:01", "and-ua-651ble", "Cuff by the window")
EXAMPLE = GatewayConfiguration(
    gateway_id="gw-ab12cd34",
    number=7,
    made_at=datetime(2026, 11, 28, 8, tzinfo=UTC),
    peripherals=(CUFF, AllowedPeripheral("AA:BB:CC:DD:EE:02")),
    profile_files=(ProfileFile("our-cuff.toml", 'title = "Ours"\n'),),
    schedule=Schedule(revisit_after_s=10.0),
)


def members() -> dict[str, Any]:
    return dict(json.loads(format_of.encode(EXAMPLE)))


def refused(document: object) -> WireError:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(WireError) as caught:
        format_of.decode(content)
    return caught.value


def test_it_comes_back_as_it_was_written() -> None:
    assert format_of.decode(format_of.encode(EXAMPLE)) == EXAMPLE


_line = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cf")), max_size=40
)


@given(
    name=_line.map(lambda text: text.strip(" ")),
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300),
    number=st.integers(1, format_of.MAX_NUMBER),
    revisit_after_s=st.none() | st.floats(0, 3600),
)
def test_whatever_is_allowed_comes_back(
    name: str, text: str, number: int, revisit_after_s: float | None
) -> None:
    written = replace(
        EXAMPLE,
        number=number,
        peripherals=(replace(CUFF, name=name),),
        profile_files=(ProfileFile("a.toml", text),),
        schedule=Schedule(revisit_after_s=revisit_after_s),
    )
    content = format_of.encode(written)
    assert format_of.decode(content) == written
    assert format_of.encode(format_of.decode(content)) == content
    assert content.isascii()


def test_there_is_one_way_to_write_it() -> None:
    content = format_of.encode(EXAMPLE)
    assert (
        content == json.dumps(json.loads(content), sort_keys=True, separators=(",", ":")).encode()
    )


def test_another_format_is_refused_before_its_fields_are_looked_at() -> None:
    assert refused({"format": 2, "strange": []}).reason is WireReason.WRONG_VERSION


@pytest.mark.parametrize("where", ["top", "peripherals", "profile_files", "schedule"])
def test_a_field_that_is_not_known_is_refused(where: str) -> None:
    document = members()
    node = document if where == "top" else document[where]
    (node[0] if isinstance(node, list) else node)["quiet_hours"] = "22-06"
    assert "does not know" in str(refused(document))


@pytest.mark.parametrize("where", ["top", "peripherals", "schedule"])
def test_a_person_has_no_place_in_it(where: str) -> None:
    document = members()
    node = document if where == "top" else document[where]
    (node[0] if isinstance(node, list) else node)["patient"] = "x"
    assert refused(document).reason is WireReason.FORBIDDEN_FIELD


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (("gateway_id",), "gw-AB"),
        (("number",), 0),
        (("number",), True),
        (("number",), 2**31),
        (("made_at",), "2026-11-28"),
        (("peripherals",), {}),
        (("peripherals", 0, "address"), "aa:bb:cc:dd:ee:01"),
        (("peripherals", 0, "profile_id"), "../x"),
        (("peripherals", 0, "name"), "a\nb"),
        (("peripherals", 0, "name"), " a"),
        (("peripherals", 0, "name"), "a\u202eb"),
        (("peripherals", 0, "name"), "x" * 41),
        (("peripherals", 0, "name"), None),
        (("peripherals", 1, "address"), CUFF.address),
        (("profile_files", 0, "file_name"), "../x.toml"),
        (("profile_files", 0, "file_name"), "x.py"),
        (("profile_files", 0, "text"), "x" * (32 * 1024 + 1)),
        (("profile_files", 0, "text"), "\0"),
        (("schedule",), None),
        (("schedule", "revisit_after_s"), -1),
        (("schedule", "resend_after_s"), 0),
        (("schedule", "status_every_s"), 86_400),
        (("schedule", "status_every_s"), "60"),
    ],
)
def test_what_cannot_be_meant_is_refused(path: tuple[Any, ...], written: object) -> None:
    document = members()
    node: Any = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = written
    told = str(refused(document))
    assert not isinstance(written, str) or len(written) < 3 or written not in told


def test_too_much_of_it_is_refused() -> None:
    many = tuple(AllowedPeripheral(f"AA:BB:CC:DD:EE:{n:02X}") for n in range(33))
    with pytest.raises(WireError, match="at most 32"):
        format_of.encode(replace(EXAMPLE, peripherals=many))
    files = tuple(ProfileFile(f"a{n}.toml", "é" * 32_000) for n in range(2))
    with pytest.raises(WireError) as caught:
        format_of.encode(replace(EXAMPLE, profile_files=files))
    assert caught.value.reason is WireReason.TOO_LARGE


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(WireError) as caught:
        format_of.encode(replace(EXAMPLE, schedule=Schedule(revisit_after_s=float("nan"))))
    assert caught.value.reason is WireReason.NOT_FINITE


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"null", b'{"format":1}', b"\xff"])
def test_no_bytes_lead_to_anything_but_a_refusal(content: bytes) -> None:
    refused(content)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    with pytest.raises(WireError):
        format_of.decode(content)
