"""Codes that were noted when the gateway was prepared."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import errors, passkeys
from gateway.settings import NOT_SET

CUFF = "C4:65:1B:00:00:01"


def file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "passkeys.toml"
    path.touch(mode=mode)
    path.write_bytes(content)
    return path


def test_codes_are_known_by_address_when_the_file_is_good(tmp_path: Path) -> None:
    text = f'"{CUFF}" = "012345"\n"C4:65:1B:00:00:02" = "999999"\n'
    assert passkeys.read(file(tmp_path, text.encode())) == {
        CUFF: "012345",
        "C4:65:1B:00:00:02": "999999",
    }


def test_no_code_is_known_when_no_file_is_named() -> None:
    assert passkeys.read(NOT_SET) == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f'"{CUFF}" = 123456'.encode(), id="number"),
        pytest.param(f'"{CUFF}" = "12345"'.encode(), id="five-digits"),
        pytest.param(f'"{CUFF}" = "１２３４５６"'.encode(), id="other-digits"),
        pytest.param(b'"c4:65:1b:00:00:01" = "123456"', id="lower-case"),
        pytest.param(b'[codes]\n"x" = "123456"', id="table"),
        pytest.param(f'"{CUFF}" = "123456'.encode(), id="no-toml"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b"#" * 20_000, id="too-long"),
    ],
)
def test_file_is_refused_without_its_codes_when_it_is_not_of_the_form(
    tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(errors.ConfigurationError, match="passkeys_file") as refused:
        passkeys.read(file(tmp_path, content))
    assert "12345" not in str(refused.value).replace("123456", "", 1)


def test_file_is_refused_when_others_may_read_it(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigurationError, match="chmod 600"):
        passkeys.read(file(tmp_path, b"", mode=0o644))


def test_file_is_refused_when_it_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigurationError, match="cannot be read"):
        passkeys.read(tmp_path / "nowhere")
