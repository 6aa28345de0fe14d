from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from deploy import errors
from deploy.supply_chain import advisory, advisory_database

TEXT = """\
id: PYSEC-2026-1
details: A weakness that somebody made up.
affected:
- package:
    name: Made_Up.Thing
    ecosystem: PyPI
  ranges:
  - type: GIT
    repo: somewhere
    events:
    - introduced: "0"
    - fixed: 8c74c2c8dba7
  - type: ECOSYSTEM
    events:
    - introduced: "0"
    - fixed: 0.10
  versions:
  - 0.9
  - 0.8.1
  - 0.50
- package:
    name: made-up-thing
    ecosystem: npm
aliases:
- CVE-2026-1
"""


def test_an_advisory_keeps_ids_ranges_and_the_versions_that_no_range_holds() -> None:
    (found,) = advisory_database.from_text(TEXT)
    assert found.advisory_id == "PYSEC-2026-1"
    assert found.aliases == ("CVE-2026-1",)
    assert found.package == "made-up-thing"
    # 0.10 is a version and no number; 0.50 is listed although the range ends before it.
    assert found.fixed_in == ("0.10",)
    assert found.versions == ("0.50",)
    assert [advisory.affects(found, version) for version in ("0.9", "0.10", "0.50")] == [
        True,
        False,
        True,
    ]


def test_an_advisory_that_was_withdrawn_is_none() -> None:
    assert list(advisory_database.from_text(TEXT + "withdrawn: 2026-01-01T00:00:00Z\n")) == []


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for package in ("made-up-thing", "another"):
        file = tmp_path / "vulns" / package / "PYSEC-2026-1.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(TEXT.replace("Made_Up.Thing", package))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x", "--date", "2026-11-01T00:00:00Z")
    return tmp_path


def test_a_checkout_gives_what_is_known_of_our_packages_only(checkout: Path) -> None:
    found = advisory_database.collect(checkout, ["made-up-thing", "quiet"])
    assert [one.package for one in found.advisories] == ["made-up-thing"]
    assert found.packages == {"made-up-thing", "quiet"}
    assert found.licence == "CC-BY-4.0"
    assert len(found.commit) == 40
    assert found.taken_on > date(2026, 1, 1)


def test_a_checkout_without_a_work_tree_gives_the_same(checkout: Path) -> None:
    inside = advisory_database.collect(checkout / ".git", ["made-up-thing"])
    assert inside == advisory_database.collect(checkout, ["made-up-thing"])


def test_another_repository_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.SupplyChainError, match="checkout"):
        advisory_database.collect(tmp_path, [])
    (tmp_path / "file").write_text("x")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    with pytest.raises(errors.SupplyChainError, match="vulns"):
        advisory_database.collect(tmp_path, [])
