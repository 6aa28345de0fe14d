"""Advisories about our packages, taken from a checkout of the Python Packaging Advisory Database.

Only what is needed to compare versions is taken: ids, aliases, ranges. The database is kept by the Python Packaging
Authority under CC-BY-4.0.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]

from deploy import errors
from deploy.supply_chain import advisory
from deploy.supply_chain.advisory import Advisory, Bound, Collection, Event

SOURCE: Final = "github:pypa/advisory-database"
LICENCE: Final = "CC-BY-4.0"
_ECOSYSTEM: Final = "PyPI"


def collect(checkout: Path, packages: Iterable[str]) -> Collection:
    """Return what a checkout (with or without a work tree) says about these packages.

    Raises:
        SupplyChainError: the folder is no git repository, or not this database.
    """
    wanted = frozenset(packages)
    commit, _, taken_on = _git(checkout, "log", "-1", "--format=%H %cs").strip().partition(" ")
    paths = _git(checkout, "ls-tree", "-r", "--name-only", "HEAD", "vulns/").splitlines()
    if not paths:
        raise errors.SupplyChainError(
            f"{checkout} holds no folder “vulns”; name a checkout of the Python Packaging Advisory Database"
        )
    found = [
        entry
        for path in paths
        if normalised(path.split("/")[1]) in wanted
        for entry in from_text(_git(checkout, "show", f"HEAD:{path}"))
        if entry.package in wanted
    ]
    return Collection(
        source=SOURCE,
        licence=LICENCE,
        commit=commit,
        taken_on=date.fromisoformat(taken_on),
        packages=wanted,
        is_complete=True,
        advisories=tuple(found),
    )


def from_text(text: str) -> Iterator[Advisory]:
    """Read one file of the database; an advisory that was withdrawn is none."""
    # Every scalar as text: 0.10 is a version and no number.
    document: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes only text, lists, mappings
    if "withdrawn" in document:
        return
    for affected in document.get("affected", ()):
        about = affected["package"]
        if about["ecosystem"] != _ECOSYSTEM:
            continue
        ranges = tuple(
            tuple(_events(one["events"]))
            for one in affected.get("ranges", ())
            if one["type"] == "ECOSYSTEM"
        )
        by_range = Advisory(
            document["id"],
            tuple(document.get("aliases", ())),
            normalised(about["name"]),
            ranges,
        )
        listed = tuple(affected.get("versions", ()))
        left = tuple(version for version in listed if not advisory.affects(by_range, version))
        yield Advisory(
            by_range.advisory_id, by_range.aliases, by_range.package, by_range.ranges, left
        )


def normalised(name: str) -> str:
    """Return a package's name as locks write it.

    Source: Python packaging specification "Names and normalization" (PEP 503).
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _events(events: Iterable[dict[str, str]]) -> Iterator[Event]:
    for event in events:
        for kind, at in event.items():
            if kind in set(Bound):
                yield Bound(kind), at


def _git(checkout: Path, *words: str) -> str:
    ran = subprocess.run(  # noqa: S603 - fixed words, and paths that git itself listed
        ["git", "-C", str(checkout), *words],  # noqa: S607 - the git of whoever renews the snapshot
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if ran.returncode != 0:
        raise errors.SupplyChainError(
            f"git cannot read {checkout}; name a checkout of the Python Packaging Advisory Database"
        )
    return ran.stdout
