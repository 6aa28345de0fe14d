"""Every row of the catalogue has its test and stands in the table of its module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("module", "rows"), [("test_http", range(55, 77)), ("test_configuration", range(77, 91))]
)
def test_the_catalogue_is_whole(module: str, rows: range) -> None:
    tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    named = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    tested = {int(found[1]) for name in named if (found := re.match(r"test_row_(\d+)_", name))}
    written = {int(row) for row in re.findall(r"(?m)^(\d+) {3}", ast.get_docstring(tree) or "")}
    assert tested == written == set(rows)
