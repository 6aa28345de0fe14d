from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from ccm_link.console.entrance import password_rules

CONTEXT = ("casey", "Casey Lindqvist", "millbrook", "Millbrook Family Practice")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "violet tractor under nine moons",
        "kjh4-82hs-wq9z",
        "夜が明けるまで歩いてから眠る",
        "ÄÖÜ ohne Grund verschoben",
        "        twelve spaces before it",
        "9" + "x7Rk!m" * 15,
    ],
)
def test_good_passwords_pass(password: str) -> None:
    assert password_rules.objection(password, context=CONTEXT) is None


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short one", "at least 12"),
        ("elevenchars", "at least 12"),
        ("x" * 1_001, "At most"),
        ("passwordpassword", "name that others know"),
        ("casey-lindqvist-26", "name that others know"),
        ("Millbrook2026!", "name that others know"),
        ("homevitals homevitals", "name that others know"),
        ("123456789012", "first that are tried"),
        ("aaaaaaaaaaaaaaaa", "first that are tried"),
        ("qwertyuiopasdfgh", "first that are tried"),
        ("iloveyouforever", "first that are tried"),
    ],
)
def test_bad_passwords_are_refused_with_a_reason(password: str, words: str) -> None:
    objection = password_rules.objection(password, context=CONTEXT)

    assert objection is not None
    assert words in objection
    assert password not in objection


def hashes_of(*passwords: str) -> list[str]:
    return sorted(hashlib.sha1(one.encode()).hexdigest().upper() for one in passwords)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("count", ["", ":17", ":2000000"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_breached_passwords_are_found_wherever_they_stand(
    tmp_path: Path, size: int, count: str, line_end: str
) -> None:
    chance = random.Random(size)
    stolen = [f"stolen {chance.random()}" for _ in range(size)]
    file = tmp_path / "breached"
    # counts of different length make lines of different length
    lines = [
        f"{one}{count}{'0' * (i % 3) if count else ''}" for i, one in enumerate(hashes_of(*stolen))
    ]
    file.write_bytes("".join(f"{line}{line_end}" for line in lines).encode())

    assert all(password_rules.is_breached(file, one) for one in stolen)
    assert not any(password_rules.is_breached(file, f"free {i}") for i in range(50))


def test_last_line_counts_without_its_end_and_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "breached"
    file.write_text("\n".join(hashes_of("violet tractor under nine moons", "another")))

    objection = password_rules.objection("violet tractor under nine moons", breached_file=str(file))
    assert objection is not None
    assert "stolen" in objection
    assert password_rules.is_breached(file, "another")
    file.write_text("")
    assert not password_rules.is_breached(file, "another")
