"""The outbox's SQL, kept in ``queries.sql`` under names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Final

_HEADING: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load() -> Mapping[str, str]:
    """Return every statement of ``queries.sql`` by its name."""
    text = resources.files("gateway").joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = _HEADING.split(text)
    names, bodies = parts[::2], parts[1::2]
    return MappingProxyType({name: body.strip() for name, body in zip(names, bodies, strict=True)})


def layout() -> str:
    """Return the script that makes an empty outbox."""
    return resources.files("gateway").joinpath("outbox_layout.sql").read_text(encoding="utf-8")


def additions(*, are_temporary: bool = False) -> str:
    """Return the script that brings an outbox of an earlier version up to this one; it may run again and again.

    Args:
        are_temporary: Whether its tables are this connection's alone, and empty.
    """
    text = resources.files("gateway").joinpath("outbox_additions.sql").read_text(encoding="utf-8")
    return re.sub(r"^create ", "create temp ", text, flags=re.MULTILINE) if are_temporary else text
