"""Every row of the catalogue has its test and stands in the table of its module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

# Rows that end at the gateway: nothing of them ever reaches ingest.
AT_THE_GATEWAY = {
    21: "test_session.py::test_session_gives_up_when_the_cuff_s_time_budget_passes",
    22: "test_scan.py::test_stranger_is_ignored_and_counted_when_it_carries_a_known_name",
}


@pytest.mark.parametrize(
    ("module", "rows"),
    [
        ("test_frames", range(1, 26)),
        ("test_messages", range(26, 55)),
        ("test_http", range(55, 77)),
        ("test_configuration", range(77, 91)),
        ("test_command_line", range(91, 106)),
    ],
)
def test_the_catalogue_is_whole(module: str, rows: range) -> None:
    tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    named = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    tested = {int(found[1]) for name in named if (found := re.match(r"test_row_(\d+)_", name))}
    written = {int(row) for row in re.findall(r"(?m)^(\d+) {2,3}", ast.get_docstring(tree) or "")}
    assert written == set(rows)
    assert tested == set(rows) - AT_THE_GATEWAY.keys()


@pytest.mark.parametrize("row", AT_THE_GATEWAY)
def test_what_ends_at_the_gateway_is_tested_there(row: int) -> None:
    file, name = AT_THE_GATEWAY[row].split("::")
    text = (Path(__file__).parents[1] / "unit" / "gateway" / file).read_text(encoding="utf-8")
    assert f"\ndef {name}(" in text
