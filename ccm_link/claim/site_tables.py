"""The billing tables of this site: ours, its own years, overlays of payers, what payers pay and what the site charges.

A site's own are files of one folder: ``2027.toml`` takes the place of our year or adds one, ``payers/<name>.toml`` is
the overlay of the payer of that name, ``fees.toml`` what a unit pays, ``charges.toml`` what is charged for it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccm_link.billing import fees, rule_book
from ccm_link.billing.fees import Fees
from ccm_link.billing.rule_book import Book
from firmware_profiles.toml_tables import Mistake

_FEES: Final = "fees"
_CHARGES: Final = "charges"
_PAYERS: Final = "payers"
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class SiteTables:
    """Everything that months are worked out with.

    Attributes:
        by_payer: books with a payer's overlay, by the name of its file.
        fees: what a unit pays; None: the site does not say.
        charges: what is charged for a unit; likewise.
        texts_sha256: of the texts of each book, by payer; of our own book under "".
    """

    book: Book
    by_payer: Mapping[str, Book]
    fees: Fees | None
    charges: Fees | None
    texts_sha256: Mapping[str, bytes]

    def of_payer(self, payer: str | None) -> Book:
        """Return the book for a payer as the registry writes it; the tables alone where there is no overlay."""
        return self.by_payer.get(file_name(payer or ""), self.book)

    def sha256_of(self, payer: str | None) -> bytes:
        """Return the hash of the texts of a payer's book."""
        name = file_name(payer or "")
        return self.texts_sha256[name if name in self.by_payer else ""]


def file_name(payer: str) -> str:
    """Return what a payer's file is called.

    Example:
        >>> file_name("Elm & Oak Health, Inc.")
        'elm-oak-health-inc'
    """
    return _NOT_IN_NAMES.sub("-", payer.lower()).strip("-")


def of_folder(folder: Path) -> SiteTables:
    """Return the tables of a site's folder, read once per process; ``Path()``: there is none.

    Raises:
        rule_book.TableError: with every mistake in the first table that has some, and their lines; or the folder or a
            file of it cannot be read.
    """
    try:
        return load("" if folder == Path() else str(folder))
    except (OSError, UnicodeDecodeError):
        mistake = Mistake(0, "the folder or a file of it cannot be read")
        raise rule_book.TableError(str(folder), [mistake]) from None


@functools.cache
def load(folder: str) -> SiteTables:
    """Read the tables once per process; "": there is no folder of the site's own.

    Raises:
        rule_book.TableError: with every mistake in the first table that has some, and their lines.
        OSError: The folder or a file of it cannot be read.
    """
    own = _texts(Path(folder)) if folder else {}
    payers = _texts(Path(folder) / _PAYERS) if folder else {}
    years = rule_book.shipped() | {
        name: text for name, text in own.items() if name not in (_FEES, _CHARGES)
    }
    book = rule_book.read(years)
    return SiteTables(
        book=book,
        by_payer={name: book.with_payer(name, text) for name, text in payers.items()},
        fees=fees.parse(_FEES, own[_FEES]) if _FEES in own else None,
        charges=fees.parse(_CHARGES, own[_CHARGES]) if _CHARGES in own else None,
        texts_sha256={
            "": _sha256(years),
            **{name: _sha256(years | {name: text}) for name, text in payers.items()},
        },
    )


def _texts(folder: Path) -> dict[str, str]:
    if folder.name == _PAYERS and not folder.exists():
        return {}
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in sorted(folder.iterdir())
        if file.name.endswith(".toml")
    }


def _sha256(texts: Mapping[str, str]) -> bytes:
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).digest()
