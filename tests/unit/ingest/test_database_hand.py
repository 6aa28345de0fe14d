from __future__ import annotations

import psycopg
import pytest
from psycopg import errors as pg

from ingest import database_hand


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
    assert database_hand._is_trouble_of_the_database(error) is is_trouble
