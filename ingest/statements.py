"""Running named statements: rows as dataclasses, and what a constraint refused in our own words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from ingest import errors
from ingest.errors import RefusalReason

if TYPE_CHECKING:
    from typing import LiteralString

Cursor = psycopg.Cursor[Any]
_Row = TypeVar("_Row")


def rows(
    cur: Cursor, row_class: type[_Row], statement: LiteralString, parameters: Mapping[str, Any]
) -> list[_Row]:
    """Return what a statement finds, each row as a dataclass whose fields are the columns."""
    with cur.connection.cursor(row_factory=class_row(row_class)) as found:
        return found.execute(statement, parameters).fetchall()


def first(
    cur: Cursor, row_class: type[_Row], statement: LiteralString, parameters: Mapping[str, Any]
) -> _Row | None:
    """Return the first row that a statement finds, or None."""
    found = rows(cur, row_class, statement, parameters)
    return found[0] if found else None


def changed(cur: Cursor, statement: LiteralString, parameters: Mapping[str, Any]) -> bool:
    """Run a conditional update of one row; say whether its condition held."""
    with refusals():
        return cur.execute(statement, parameters).fetchone() is not None


def add(cur: Cursor, statement: LiteralString, parameters: Mapping[str, Any]) -> UUID:
    """Insert one row and return the id that the statement returns.

    Raises:
        RefusedByStoreError: a constraint refuses the row.
        StoreError: the statement returned none.
    """
    with refusals():
        row = cur.execute(statement, parameters).fetchone()
    if row is None:
        raise errors.StoreError
    (added_id,) = row
    return UUID(str(added_id))


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Say in our own words what a constraint refused; the database's own would repeat the row.

    Raises:
        RefusedByStoreError: a constraint refused what the block did.
    """
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise _refusal("there is one already", error, RefusalReason.ALREADY_THERE) from None
    except psycopg.errors.ForeignKeyViolation as error:
        raise _refusal(
            "it names something that the practice does not have",
            error,
            RefusalReason.UNKNOWN_REFERENCE,
        ) from None
    except psycopg.errors.ExclusionViolation as error:
        raise _refusal(
            "another patient has the peripheral in that time; end that assignment first",
            error,
            RefusalReason.OVERLAPPING_ASSIGNMENT,
        ) from None
    except psycopg.errors.CheckViolation as error:
        raise _refusal(
            "a field is malformed or out of range", error, RefusalReason.IMPOSSIBLE
        ) from None


def _refusal(
    message: str, error: psycopg.Error, reason: RefusalReason
) -> errors.RefusedByStoreError:
    return errors.RefusedByStoreError(f"{message} ({error.diag.constraint_name})", reason)
