"""The threat model speaks of every way in and out that the code has, of none that is gone, and its proofs exist."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import interfaces

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
INDEX = TEXT.partition("## Index of interfaces")[2]
SECTIONS = set(re.findall(r"^### (T\d+) ", TEXT, re.MULTILINE))
STRIDE = set("STRIDE")


@functools.cache
def of_the_code(kind: str) -> set[str]:
    return interfaces.ALL[kind]()


def indexed(kind: str) -> dict[str, str]:
    """Return interface → section of one table of the index."""
    table = INDEX.partition(f"### {kind}\n")[2].partition("\n### ")[0]
    return {
        name: section
        for names, section in re.findall(r"^\| (.+) \| (T\d+) \|$", table, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", names)
    }


def threats() -> Iterator[tuple[str, list[str]]]:
    """Yield section and cells of every row of the STRIDE tables."""
    section = ""
    for line in TEXT.partition("## Index of interfaces")[0].splitlines():
        if found := re.match(r"### (T\d+) ", line):
            section = found[1]
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if section and line.startswith("| ") and len(cells) == 5 and cells[0].strip() in STRIDE:
            yield section, cells


@pytest.mark.parametrize("kind", list(interfaces.ALL))
def test_every_interface_of_the_code_stands_in_the_threat_model(kind: str) -> None:
    missing = sorted(of_the_code(kind) - indexed(kind).keys())
    assert missing == [], f"think about them, then name their sections in the index under “{kind}”"


@pytest.mark.parametrize("kind", list(interfaces.ALL))
def test_the_threat_model_names_no_interface_that_is_gone(kind: str) -> None:
    assert sorted(indexed(kind).keys() - of_the_code(kind)) == []


def test_the_index_leads_to_sections_that_exist() -> None:
    named = {section for kind in interfaces.ALL for section in indexed(kind).values()}
    assert named - SECTIONS == set()


def test_every_section_goes_through_all_of_stride() -> None:
    letters: dict[str, set[str]] = {section: set() for section in SECTIONS}
    for section, (letter, *_) in threats():
        letters[section].add(letter)
    assert {s: sorted(STRIDE - seen) for s, seen in letters.items() if seen != STRIDE} == {}


def test_every_threat_has_a_control_and_says_what_is_left() -> None:
    empty = [cells for _, cells in threats() if not all(cells)]
    assert empty == []


def _tests_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_proof_exists() -> None:
    proofs = set(
        re.findall(r"`((?:unit|integration|acceptance|bad_input)/[\w/]+\.py)(?:::(\w+))?`", TEXT)
    )
    assert proofs
    gone = [
        f"{file}::{name}" if name else file
        for file, name in sorted(proofs)
        if not (ROOT / "tests" / file).is_file()
        or (name and name not in _tests_of(ROOT / "tests" / file))
    ]
    assert gone == []


def test_most_threats_are_proved_by_a_test() -> None:
    # A threat without a proof says so with a dash, and the reason stands in what is left.
    unproved = [cells[1] for _, cells in threats() if cells[3] == "–"]
    assert len(unproved) * 4 <= len(list(threats())), unproved


@pytest.mark.parametrize(
    "threat",
    [
        "Phishing",
        "Malware and ransomware",
        "Command and control",
        "Stolen credentials and escalation",
        "Disruption of system or application",
        "Exfiltration",
        "Denial of service",
        "Tampering with devices or communication",
    ],
)
def test_the_threats_of_the_guide_are_answered(threat: str) -> None:
    """Source: NIST SP 1800-30 (February 2022), threats to remote patient monitoring."""
    assert re.search(rf"^\| {threat} \| .*\bT\d+", TEXT, re.MULTILINE)


def test_the_gateway_listens_on_one_local_socket_only() -> None:
    doors = {
        "bind",
        "create_server",
        "create_unix_server",
        "listen",
        "serve_forever",
        "start_server",
        "start_unix_server",
    }
    found = [
        f"{path.relative_to(ROOT)} {node.attr}"
        for path in (ROOT / "gateway").rglob("*.py")
        if "ward" not in path.parts  # virtual peripherals stand in for the air
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in doors
    ]
    assert found == ["gateway/control_socket.py start_unix_server"]
