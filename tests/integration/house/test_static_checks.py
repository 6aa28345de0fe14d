"""ruff and mypy (strict) find nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_ruff_finds_nothing() -> None:
    programs = Path(sys.executable).parent
    for command in (
        [programs / "ruff", "check", "--no-cache", "."],
        [programs / "ruff", "format", "--check", "--no-cache", "."],
    ):
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.timeout(300)
def test_types_hold() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", ".homevitals/mypy"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
