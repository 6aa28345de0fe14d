from __future__ import annotations

import hashlib
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.signer.issue_log import IssueLog
from ingest.signing import Issued
from tests import signed_configurations

AT = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)


def issued(serial: str) -> Issued:
    return Issued("PEM", serial, AT, AT + timedelta(days=45), "ab" * 32)


def test_log_only_grows_and_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "issued.jsonl"
    IssueLog(path).note("gw-aaaa1111", issued("a1"), AT)
    before = path.read_bytes()

    IssueLog(path).note("gw-bbbb2222", issued("b2"), AT + timedelta(seconds=1))

    assert path.read_bytes().startswith(before)
    noted = [json.loads(line) for line in path.read_text().splitlines()]
    assert noted[0] == {
        "at": "2026-11-12T15:42:00.000000Z",
        "gateway_id": "gw-aaaa1111",
        "serial": "a1",
        "not_after": "2026-12-27T15:42:00.000000Z",
        "public_key_sha256": "ab" * 32,
    }
    assert noted[1]["serial"] == "b2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        IssueLog(tmp_path).note("gw-aaaa1111", issued("a1"), AT)


def test_configurations_stand_in_it_by_their_hash(tmp_path: Path) -> None:
    path = tmp_path / "issued.jsonl"
    made = signed_configurations.configuration(7)
    signed = signed_configurations.signed(made)

    IssueLog(path).note_configuration(made, signed, AT)

    assert json.loads(path.read_text()) == {
        "at": "2026-11-12T15:42:00.000000Z",
        "gateway_id": made.gateway_id,
        "configuration": 7,
        "content_sha256": hashlib.sha256(signed.content).hexdigest(),
        "key_id": signed.key_id,
    }
