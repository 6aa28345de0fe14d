"""How statements of care management are run: rows in, dataclasses out; and what they all share.

Every function takes an open cursor first and runs exactly one named statement; whoever opened the transaction commits
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import kwargs_row, scalar_row, tuple_row

from ingest import named_queries

Q = named_queries.load("ccm_link")
Cursor = psycopg.Cursor[Any]
_Row = TypeVar("_Row")


def lock_person(cur: Cursor, staff_id: UUID) -> None:
    """Hold this person's other changes to their time back until the transaction ends."""
    cur.execute(Q.lock_person, {"staff_id": staff_id})


def rows(
    cur: Cursor, make: Callable[..., _Row], statement: LiteralString, **parameters: Any
) -> list[_Row]:
    """Load what a statement finds, each row made by ``make``."""
    with cur.connection.cursor(row_factory=kwargs_row(make)) as rows:
        return rows.execute(statement, parameters).fetchall()


def row(
    cur: Cursor, make: Callable[..., _Row], statement: LiteralString, **parameters: Any
) -> _Row | None:
    """Load the first row that a statement finds."""
    with cur.connection.cursor(row_factory=kwargs_row(make)) as rows:
        return rows.execute(statement, parameters).fetchone()


def tuples(cur: Cursor, statement: LiteralString, **parameters: Any) -> list[tuple[Any, ...]]:
    """Load what a statement finds, each row as it is."""
    with cur.connection.cursor(row_factory=tuple_row) as rows:
        return rows.execute(statement, parameters).fetchall()


def scalar(cur: Cursor, statement: LiteralString, **parameters: Any) -> object:
    """Load the first column of the first row."""
    with cur.connection.cursor(row_factory=scalar_row) as rows:
        return rows.execute(statement, parameters).fetchone()


def changed(cur: Cursor, statement: LiteralString, **parameters: Any) -> bool:
    """Run a statement that changes at most one row and tell whether it did."""
    cur.execute(statement, parameters)
    return cur.rowcount == 1
