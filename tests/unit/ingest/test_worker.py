from __future__ import annotations

import psycopg
import pytest
from psycopg import errors as pg

from ingest import worker


@pytest.mark.parametrize(
    ("error", "is_trouble"),
    [
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.InterfaceError("the connection is closed"), True),
        (pg.AdminShutdown(), True),
        (pg.DiskFull(), True),
        (pg.DeadlockDetected(), True),
        (pg.LockNotAvailable(), True),
        (pg.QueryCanceled(), True),
        (pg.ReadOnlySqlTransaction(), True),
        (pg.InsufficientPrivilege(), True),
        (pg.UndefinedTable(), True),
        (pg.CheckViolation(), False),
        (pg.ForeignKeyViolation(), False),
        (pg.NumericValueOutOfRange(), False),
        (pg.CharacterNotInRepertoire(), False),
        (pg.ProgramLimitExceeded(), False),
        (pg.RaiseException(), False),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), False),
        (ValueError("a defect"), False),
    ],
    ids=lambda found: type(found).__name__,
)
def test_only_the_databases_own_trouble_is_waited_for(error: Exception, is_trouble: bool) -> None:
    assert worker._is_trouble_of_the_database(error) is is_trouble


def test_blame_repeats_no_content_when_the_database_refuses_a_row() -> None:
    reason, detail = worker._blame(pg.CheckViolation("Failing row contains (Jane Doe, 120)"))

    assert (reason.value, detail) == ("storage_refused", "sqlstate 23514")


def test_blame_names_only_the_type_when_ingest_fails() -> None:
    reason, detail = worker._blame(ValueError("Jane Doe"))

    assert (reason.value, detail) == ("processing_failed", "ValueError in ingest")
