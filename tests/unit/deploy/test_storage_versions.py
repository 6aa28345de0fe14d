from __future__ import annotations

import pytest

from deploy import storage_versions
from deploy.storage_versions import Versions


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        (Versions(140012, None, None), "PostgreSQL 14 is too old"),
        (Versions(150018, None, None), None),
        (Versions(180004, None, "timescale"), None),  # loaded, but not used by this database
        (Versions(150018, "2.20.0", "timescale"), "PostgreSQL 16 and later, this is 15"),
        (Versions(160014, "2.19.3", "timescale"), "TimescaleDB 2.19.3 is too old"),
        (Versions(160014, "2.9.0", "timescale"), "TimescaleDB 2.9.0 is too old"),
        (Versions(160014, "2.20.0", "timescale"), None),
        (Versions(180004, "2.29.2-dev", "timescale"), None),
        (Versions(180004, "3.0.0", "timescale"), None),
        (Versions(180004, "2.29.2", "apache"), "community edition"),
    ],
    ids=str,
)
def test_what_is_too_old_is_said(versions: Versions, words: str | None) -> None:
    fault = storage_versions.fault(versions)

    assert (fault is None) if words is None else words in (fault or "")


def test_versions_are_written_as_people_say_them() -> None:
    assert str(Versions(180004, "2.29.2", "timescale")) == "PostgreSQL 18.4 with TimescaleDB 2.29.2"
    assert str(Versions(150018, None, None)) == "PostgreSQL 15.18"
