"""SQL statements with names, read from a package's ``queries.sql`` or a file beside it.

The file is a series of::

    -- name: snake_case_name
    -- What the statement does, in a line or more.
    select ... where practice_id = %(practice_id)s;

A statement is reached as an attribute. It is typed ``LiteralString`` because it comes from a file
of the
distribution: psycopg then lets it through and refuses every string put together at run time.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Final

from ingest import errors

if TYPE_CHECKING:
    from typing import LiteralString

_HEADER: Final = re.compile(r"^-- name: *(.*?) *$", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class NamedQueries:
    """The statements of one package by name; iterating gives the names."""

    def __init__(self, file: str, statements: dict[str, LiteralString]) -> None:
        self._file = file
        self._statements = statements

    def __getattr__(self, name: str) -> LiteralString:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"{self._file} has no statement “{name}”") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)


@functools.cache
def load(package: str, subject: str = "queries") -> NamedQueries:
    """Read the statements about a subject, ``<subject>.sql`` of an installed package, once per process.

    Raises:
        QueryFileError: the file does not follow the form.
    """
    text = resources.files(package).joinpath(f"{subject}.sql").read_text(encoding="utf-8")
    return parse(f"{package}/{subject}.sql", text)


def parse(file: str, text: str) -> NamedQueries:
    """Split the text of a file of statements, whose name is for the messages.

    The comment lines that open a statement stay in the file: psycopg would read a ``%`` in them as
    a parameter.

    Raises:
        QueryFileError: a name is malformed or used twice, the comment or the statement is missing,
            or something stands before the first name.
    """
    preamble, *parts = _HEADER.split(text)
    if any(line and not line.startswith("--") for line in preamble.splitlines()):
        raise errors.QueryFileError(f"{file}: the first statement has no name")
    statements: dict[str, LiteralString] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if not _NAME.fullmatch(name) or name in statements:
            raise errors.QueryFileError(f"{file}: “{name}” is not in snake_case or is there twice")
        statements[name] = _statement(file, name, body)
    return NamedQueries(file, statements)


def _statement(file: str, name: str, body: str) -> LiteralString:
    lines = body.strip().splitlines()
    comment_length = next(
        (i for i, line in enumerate(lines) if not line.startswith("--")), len(lines)
    )
    statement = "\n".join(lines[comment_length:]).strip().removesuffix(";")
    if comment_length == 0 or not statement:
        raise errors.QueryFileError(f"{file}: “{name}” needs a comment line and then a statement")
    return statement
