from __future__ import annotations

from ingest import sessions
from ingest.sessions import Sessions
from ingest.settings import IngestSettings


def test_receipts_are_let_go_when_no_session_is_there() -> None:
    Sessions(IngestSettings()).publish_all([("hv/1/down/gw-aaaa1111/receipts", b"{}")])


def test_the_preferred_session_is_that_of_the_workers_number() -> None:
    assert sessions.own_session(IngestSettings(worker_name="ingest-7")) == 7
