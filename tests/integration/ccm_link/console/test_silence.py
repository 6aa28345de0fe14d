"""Silence is shown as silence."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import httpx
import pytest

from ingest import people
from tests.made_up_practice import PASSWORD, Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]


def text_of(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_every_page_says_when_the_last_reading_came_in(casey: httpx.Client, clock: Clock) -> None:
    clock.move(seconds=38)
    for place in (
        "/worklist",
        "/patients",
        "/time",
        "/unassigned",
        "/quarantine",
        "/gateways",
        "/timer",
    ):
        said = text_of(casey.get(place))
        assert "Last reading received 35 minutes ago" in said, place
        assert "Page made at 10:42" in said, place


def test_an_unusually_long_silence_is_said(casey: httpx.Client, clock: Clock) -> None:
    clock.move(hours=6)
    casey.post("/sign-in", data={"sign_in_name": "casey@millbrook", "password": PASSWORD})
    assert "6 hours ago : unusually quiet" in text_of(casey.get("/patients")).replace(
        "ago:", "ago :"
    )


def test_an_empty_worklist_proves_that_the_way_is_open(
    casey: httpx.Client, connect: Connect
) -> None:
    with connect("postgres") as connection:
        connection.execute(
            "update ccm.task set status = 'completed', disposition = 'not_reached', disposition_note = 'x',"
            " completed_at = now(), owner_staff_id = (select staff_id from ingest.staff s"
            " where s.practice_id = task.practice_id limit 1)"
        )
    said = text_of(casey.get("/worklist"))
    assert "No one needs action." in said
    assert (
        "patients in care have measured today. Last reading received 34 minutes ago, at 10:07"
        in said
    )


def test_an_empty_worklist_without_any_reading_is_not_reassuring(
    visitor: Callable[[], httpx.Client], connect: Connect, made_up: MadeUp
) -> None:
    with connect("postgres") as connection:
        people.add_practice(
            connection.cursor(), slug="new", name="New Practice", time_zone="Europe/Berlin"
        )
        connection.execute(
            "insert into ingest.staff (practice_id, sign_in_name, display_name, role, password_argon2)"
            " select p.practice_id, 'newcomer', 'New Comer', s.role, s.password_argon2"
            " from ingest.practice p, ingest.staff s"
            " where p.name = 'New Practice' and s.sign_in_name = 'casey'"
        )
    browser = visitor()
    browser.post("/sign-in", data={"sign_in_name": "newcomer@new", "password": PASSWORD})
    said = text_of(browser.get("/worklist"))
    assert "No reading has been received yet" in said
    assert "this says nothing" in said


def test_gateways_are_shown_in_words(casey: httpx.Client) -> None:
    said = text_of(casey.get("/gateways"))
    assert "Thornquist home gw-home0001 online Nothing to do." in said
    assert "Oyelaran home gw-home0002 offline Not heard for 9 hours." in said
    assert "Spare box gw-home0003 never heard" in said


def test_quarantine_shows_bytes_as_hex_and_says_what_to_do(casey: httpx.Client) -> None:
    page = casey.get("/quarantine")
    said = text_of(page)
    assert "The frame ends before the fields it announces." in said
    assert "04 82 00 50 00 68 00" in said
    assert "… and 232 bytes more" in said
    assert "security" in said
    assert "<b>x</b>" not in page.text
    assert "7b 22 67 61 74 65 77 61 79" in said


def test_operator_asks_for_a_second_try_and_sees_what_became_of_it(
    sign_in: Callable[[str], httpx.Client], casey: httpx.Client, connect: Connect
) -> None:
    ozzie = sign_in("ozzie")
    (address,) = set(
        re.findall(r"/quarantine/[0-9a-f-]{36}/redrive", ozzie.get("/quarantine").text)[:1]
    )
    assert "/redrive" not in casey.get("/quarantine").text
    assert casey.post(address, data={"nothing": ""}).status_code == 403
    for _ in range(2):  # the second time it waits already
        answer = ozzie.post(address, data={"nothing": ""})
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == "/quarantine"
    assert "A second try was asked for just now." in text_of(ozzie.get("/quarantine"))
    with connect("postgres") as connection:
        asked = connection.execute(
            "update ingest.quarantine set redriven_at = redrive_asked_at, redriven_by = redrive_asked_by,"
            " redriven_reason = 'gateway_not_active', redrive_asked_at = null, redrive_asked_by = null"
            " where redrive_asked_at is not null returning quarantine_id"
        ).fetchall()
        connection.commit()
        assert len(asked) == 1
        said = text_of(ozzie.get("/quarantine"))
        assert "still held. Its gateway is not enrolled, or was revoked." in said
        connection.execute(
            "update ingest.quarantine set redriven_to = 'stored', redriven_reason = null where redriven_at is not null"
        )
    said = text_of(ozzie.get("/quarantine"))
    assert "2 records, newest first" in said
    assert "Tried again lately" in said
    assert "a reading" in said


def test_missing_numbers_of_an_outbox_are_shown_with_what_they_mean(
    sign_in: Callable[[str], httpx.Client], connect: Connect
) -> None:
    with connect("postgres") as connection:
        connection.execute(
            "insert into ingest.outbox_epoch (practice_id, gateway_id, epoch, positions, first_seen_at, last_seen_at,"
            " gap_since) select practice_id, gateway_id, repeat('f', 32), '{[1,2),[3,8),[9,10)}', now(), now(), now()"
            " from ingest.gateway where gateway_id = 'gw-home0001'"
        )
    ozzie = sign_in("ozzie")
    assert "online 2 records missing" in text_of(ozzie.get("/gateways"))
    said = text_of(ozzie.get("/gateways/gw-home0001"))
    assert "2 records on the way number 2, number 8" in said
    assert "Missing records" not in text_of(ozzie.get("/gateways/gw-home0002"))
