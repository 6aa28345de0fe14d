"""Segments of X12: elements, composites, delimiters, and what may stand in them. Pure.

X12 has no way to escape a delimiter: what holds one, or a letter outside of its characters, cannot be sent. Letters
with marks lose the mark, as payers' own files have them; whatever has no such form is refused, never guessed.

Source: ASC X12 5010 as used by the implementation guide 005010X222A1, appendix B: basic and extended characters, and
the delimiters that guides recommend. Only capital letters are written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from ccm_link import claim_errors

ELEMENT: Final = "*"
COMPONENT: Final = ":"
REPETITION: Final = "^"
SEGMENT: Final = "~"

_DELIMITERS: Final = frozenset((ELEMENT, COMPONENT, REPETITION, SEGMENT))
_ALLOWED: Final = (
    frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"&'()+,-./;?=%@[]_{}\\|<>#$") - _DELIMITERS
)
# What people type, and the plain sign that it means.
_SAME: Final = str.maketrans({"’": "'", "‘": "'", "–": "-", "‐": "-", "‑": "-", "\u00a0": " "})

Element = str | tuple[str, ...]


def text(words: str, most: int) -> str:
    """Return words as an element of at most so many characters.

    Raises:
        claim_errors.NotInX12: They hold what X12 cannot, or are too long, or there are none.
    """
    apart = unicodedata.normalize("NFKD", " ".join(words.translate(_SAME).split()).upper())
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    if not plain or len(plain) > most or not _ALLOWED.issuperset(plain):
        raise claim_errors.NotInX12
    return plain


def segment(name: str, *elements: Element) -> str:
    """Return a segment with its end; empty elements at its end are left out, as the standard asks.

    Example:
        >>> segment("SV1", ("HC", "99490"), "66.13", "UN", "1", "", "", ("1", "2"), "")
        'SV1*HC:99490*66.13*UN*1***1:2~'
    """
    written = [
        COMPONENT.join(one).rstrip(COMPONENT) if isinstance(one, tuple) else one for one in elements
    ]
    while written and not written[-1]:
        written.pop()
    return ELEMENT.join((name, *written)) + SEGMENT


def amount(cents: int) -> str:
    """Return whole cents as an amount: no sign, no zeros that say nothing.

    Example:
        >>> amount(6613), amount(6600), amount(6650)
        ('66.13', '66', '66.5')
    """
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".") if rest else str(whole)


def enclosed(control_number: int, segments: Iterable[str]) -> tuple[list[str], int]:
    """Return segments of a transaction with its trailer, and how many there are, both ends included."""
    inner = list(segments)
    count = len(inner) + 1
    return [*inner, segment("SE", str(count), f"{control_number:04}")], count
