from __future__ import annotations

from psycopg import errors as pg

from ingest import worker


def test_blame_repeats_no_content_when_the_database_refuses_a_row() -> None:
    reason, detail = worker._blame(pg.CheckViolation("Failing row contains (Jane Doe, 120)"))

    assert (reason.value, detail) == ("storage_refused", "sqlstate 23514")


def test_blame_names_only_the_type_when_ingest_fails() -> None:
    reason, detail = worker._blame(ValueError("Jane Doe"))

    assert (reason.value, detail) == ("processing_failed", "ValueError in ingest")
