"""“homevitals practice” and “homevitals staff”: from an empty database to the first administrator's password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy import cli
from ingest import one_time_code
from ingest.one_time_code import Purpose

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; return its exit status and what it printed to standard output and error."""
    monkeypatch.setenv("HOMEVITALS_OWNER_DATABASE", database.conninfo("homevitals_owner"))
    monkeypatch.setenv("HOMEVITALS_CCM_LINK_DATABASE", database.conninfo("homevitals_console"))
    monkeypatch.setenv(
        "HOMEVITALS_CCM_LINK_ENTRANCE_DATABASE", database.conninfo("homevitals_entrance")
    )

    def command(*words: str) -> tuple[int, str, str]:
        status = cli.main(words)
        told = capsys.readouterr()
        return status, told.out, told.err

    return command


ADD = ("practice", "add", "--slug", "elm", "--name", "Elm Street", "--time-zone", "Europe/Paris")
ADA = ("--practice", "elm", "--name", "ada")
ADMINISTRATOR = ("staff", "add", "--role", "practice_administrator", *ADA)


def rows(database: Any, statement: str) -> list[tuple[Any, ...]]:
    with database.connect("postgres") as connection:
        return connection.execute(statement).fetchall()


def test_first_administrator_comes_with_an_invitation_shown_once(database: Any, run: Run) -> None:
    assert run(*ADD)[0] == 0
    status, code, told = run(*ADMINISTRATOR)
    assert status == 0
    assert "ada@elm" in told
    assert code.strip() not in told
    with database.connect("homevitals_entrance") as connection, connection.cursor() as cur:
        redeemed = one_time_code.redeem(cur, Purpose.INVITE_STAFF, code.strip(), datetime.now(UTC))
    assert redeemed is not None
    (found,) = rows(database, "select staff_id, role, password_argon2 from ingest.staff")
    assert found == (redeemed.subject, "practice_administrator", None)
    trail = rows(
        database,
        "select kind, action, resource, agent_kind, detail::text from ingest.audit_event order by at",
    )
    assert [event[:4] for event in trail] == [
        ("change", "C", "practice", "command_line"),
        ("change", "C", "staff_account", "command_line"),
        ("code_issued", "C", "staff_account", "command_line"),
    ]
    assert not any("ada" in event[4] for event in trail)


def test_a_new_invitation_voids_the_former_one(database: Any, run: Run) -> None:
    run(*ADD)
    _, former, _ = run(*ADMINISTRATOR)
    status, code, _ = run("staff", "invite", *ADA)
    assert status == 0
    with database.connect("homevitals_entrance") as connection, connection.cursor() as cur:
        now = datetime.now(UTC)
        assert one_time_code.redeem(cur, Purpose.INVITE_STAFF, former.strip(), now) is None
        assert one_time_code.redeem(cur, Purpose.INVITE_STAFF, code.strip(), now) is not None


def test_an_account_is_closed_once_with_its_sessions(database: Any, run: Run) -> None:
    run(*ADD)
    run(*ADMINISTRATOR)
    with database.connect("postgres") as connection:
        connection.execute(
            "insert into ingest.session (token_sha256, practice_id, staff_id, created_at, last_seen_at)"
            " select '\\x00', practice_id, staff_id, now(), now() from ingest.staff"
        )
    assert run("staff", "disable", *ADA)[0] == 0
    assert rows(database, "select count(*) from ingest.session") == [(0,)]
    assert rows(database, "select disabled_at is not null from ingest.staff") == [(True,)]
    kinds = rows(database, "select kind from ingest.audit_event order by at desc limit 2")
    assert sorted(kinds) == [("change",), ("session_ended",)]
    status, _, told = run("staff", "disable", *ADA)
    assert status == 3
    assert "no such open account" in told


PROVIDER = ("practice", "provider", "--slug", "elm", "--client-id", "hv")


def test_a_provider_is_set_and_replaced(database: Any, run: Run) -> None:
    run(*ADD)
    assert run(*PROVIDER, "--issuer", "https://op.example/")[0] == 0
    again = ("--issuer", "https://op.example", "--second-factor", "mfa", "--second-factor", "gold")
    assert run(*PROVIDER, *again)[0] == 0
    found = rows(
        database, "select issuer, client_id, second_factor_amr from ingest.identity_provider"
    )
    assert found == [("https://op.example", "hv", ["mfa", "gold"])]


REFUSED = {
    "same slug": (ADD, "there is one already"),
    "bad slug": ((*ADD[:3], "Elm!", *ADD[4:]), "malformed"),
    "bad zone": ((*ADD[:-1], "Mars/Olympus"), "no such time zone"),
    "same name": (ADMINISTRATOR, "there is one already"),
    "bad name": ((*ADMINISTRATOR[:-1], "Ada Lovelace"), "malformed"),
    "unknown practice": ((*ADMINISTRATOR[:5], "oak", *ADMINISTRATOR[6:]), "elm"),
    "unknown person": (("staff", "invite", "--practice", "elm", "--name", "x"), "no such open"),
    "issuer in the clear": ((*PROVIDER, "--issuer", "http://op.example"), "https"),
    "provider of nobody": (
        (*PROVIDER[:3], "oak", *PROVIDER[4:], "--issuer", "https://op.example"),
        "elm",
    ),
}


def test_what_cannot_be_is_refused_in_words(database: Any, run: Run, subtests: Any) -> None:
    run(*ADD)
    run(*ADMINISTRATOR)
    before = rows(database, "select count(*) from ingest.audit_event")
    for case, (words, told) in REFUSED.items():
        with subtests.test(case):
            status, _, error = run(*words)
            assert status in {1, 3}
            assert told in error
            assert "Lovelace" not in error
    assert rows(database, "select count(*) from ingest.audit_event") == before


def test_without_an_owner_connection_nothing_is_tried(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOMEVITALS_OWNER_DATABASE")
    status, _, told = run(*ADD)
    assert status == 3
    assert "--database" in told
