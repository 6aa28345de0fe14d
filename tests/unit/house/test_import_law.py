"""The layers of ARCHITECTURE.md hold, and each module is about one thing."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("alerts", "ccm_link", "deploy", "firmware_profiles", "gateway", "ingest")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MOST_LINES = 400
# Names that say nothing about what a module knows.
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "manager", "base", "misc"}
# The only statements outside .sql files: creating roles, databases and extensions takes identifiers.
MAY_HOLD_SQL = {"deploy/database.py"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_import_law_holds() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run(
        [program, "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_is_small_and_named_by_what_it_knows(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert path.stem not in EMPTY_NAMES


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_sql_lives_in_sql_files(path: Path) -> None:
    if relative(path) in MAY_HOLD_SQL:
        return
    statement = re.compile(
        r"\b(select\s.+\sfrom|insert\s+into|update\s+\w+(\.\w+)?\s+set|delete\s+from|create\s+table)\b",
        re.IGNORECASE | re.DOTALL,
    )
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
        and statement.search(node.value)
    ]
    assert not found, f"SQL in string literals at lines {found}; put it into queries.sql"
