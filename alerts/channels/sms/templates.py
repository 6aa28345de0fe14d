"""Templates of a provider's request: what may stand in them, and how it is escaped. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

_NAME: Final = re.compile(r"\{([a-z_]+)\}")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}: ?[\x20-\x7e]{1,500}")

IN_ADDRESS: Final = frozenset({"to", "text", "id"})
IN_HEADER: Final = frozenset({"id", "secret", "basic"})
IN_BODY: Final = frozenset({"to", "text", "id", "secret"})


def names(template: str) -> Iterator[str]:
    """Yield what is filled into a template."""
    return (found[1] for found in _NAME.finditer(template))


def faults(setting: str, template: str, allowed: frozenset[str]) -> Iterator[str]:
    """Yield what stands in a template and may not."""
    for name in names(template):
        if name not in allowed:
            known = ", ".join(f"{{{one}}}" for one in sorted(allowed))
            yield f"{setting} has {{{name}}}, which has no place there; known: {known}"


def is_header(text: str) -> bool:
    """Say whether a text is a header's name and template."""
    return _HEADER.fullmatch(text) is not None


def filled_for_look(template: str) -> str:
    """Return an address as it could be sent to, to look at its form."""
    return _NAME.sub("1", template)


def address(template: str, words: Mapping[str, str]) -> str:
    """Fill an address: what is filled in stays within its part of it."""
    return _filled(template, words, lambda text: quote(text, safe=""))


def form(template: str, words: Mapping[str, str]) -> bytes:
    """Fill a form (application/x-www-form-urlencoded)."""
    return _filled(template, words, quote_plus).encode()


def json_text(template: str, words: Mapping[str, str]) -> bytes:
    """Fill a JSON text, in which every name stands within a string."""
    return _filled(template, words, lambda text: json.dumps(text)[1:-1]).encode()


def header(template: str, words: Mapping[str, str]) -> tuple[str, str]:
    """Fill a header; return its name and its content.

    Raises:
        ValueError: what is filled in would end the header.
    """
    name, _, content = template.partition(":")
    filled = _filled(content.strip(), words, str)
    if not filled.isascii() or not filled.isprintable():
        raise ValueError("not printable")
    return name, filled


def _filled(template: str, words: Mapping[str, str], escaped: Callable[[str], str]) -> str:
    return _NAME.sub(lambda found: escaped(words[found[1]]), template)
