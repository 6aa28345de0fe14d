"""Cells that a spreadsheet would take for a formula: how exports write them and imports read them back. Pure.

A cell that begins with one of these characters gets a quotation mark before it, and so does one that begins with the
quotation mark itself, so that what an export wrote is read back letter by letter. Numbers are never negative here and
are left alone.

Source: OWASP, CSV Injection (owasp.org/www-community/attacks/CSV_Injection); OWASP ASVS 5.0.0, 1.2.10.
"""

from __future__ import annotations

from typing import Final

_MARK: Final = "'"
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", _MARK, "＝", "＋", "－", "＠")


def escaped(text: str) -> str:
    """Return the text as a cell that no spreadsheet computes."""
    return _MARK + text if text.startswith(_DANGEROUS) else text


def plain(cell: str) -> str:
    """Return the text of a cell that :func:`escaped` may have made."""
    rest = cell.removeprefix(_MARK)
    return rest if rest != cell and rest.startswith(_DANGEROUS) else cell
