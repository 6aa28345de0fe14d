"""Under which licence a package comes, and whether somebody of ours has read that licence.

``licences.toml`` beside this module holds what was reviewed: licences by their SPDX name, the words that older packages
use for them, and the packages that say nothing or are not installed on the machine where this runs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from typing import Final

# The words under which older packages file their licence; the rest of such a line is the licence's name.
_CLASSIFIER: Final = "License :: "


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was read and found usable for this product.

    Attributes:
        licences: SPDX expressions.
        words: Free text of packages' metadata → the SPDX expression that it means.
        packages: Package → SPDX expression, where metadata is silent or the package is for other systems.
    """

    licences: frozenset[str]
    words: Mapping[str, str]
    packages: Mapping[str, str]


def reviewed() -> Reviewed:
    """Return the list that this version of the product comes with."""
    text = (resources.files("deploy.supply_chain") / "licences.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    return Reviewed(
        frozenset(document["reviewed"]["licences"]), document["words"], document["packages"]
    )


def licence_of(package: str, known: Reviewed) -> str | None:
    """Return a package's licence as an SPDX expression; ``None`` where nothing says it."""
    if package in known.packages:
        return known.packages[package]
    try:
        about = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return None
    if "License-Expression" in about:
        return str(about["License-Expression"])
    words = [*about.get_all("License", []), *about.get_all("Classifier", [])]
    names = (str(word).removeprefix(_CLASSIFIER) for word in words)
    return next((known.words[name] for name in names if name in known.words), None)


def is_reviewed(licence: str | None, known: Reviewed) -> bool:
    """Say whether a licence, or each part of “A AND B”, or one part of “A OR B”, was reviewed."""
    if licence is None:
        return False
    if licence in known.licences:
        return True
    if " AND " in licence:
        return all(is_reviewed(part.strip("() "), known) for part in licence.split(" AND "))
    return any(part.strip("() ") in known.licences for part in licence.split(" OR "))
