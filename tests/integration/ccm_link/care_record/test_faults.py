"""What goes wrong on the way to another system, on a server that does what no good one does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.webhook.settings import WebhookSettings
from ccm_link import link_errors
from ccm_link.care_record import receivers, sending
from ccm_link.care_record.port import Failure
from ccm_link.care_record.settings import SignIn
from tests.integration.ccm_link.care_record.conftest import NUMBERS, Link
from tests.integration.ccm_link.care_record.fault_server import Fault, made

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]


@pytest.fixture
def connected(link: Link, fault: Fault) -> Link:
    link.base_url = fault.base_url
    link.connect_ehr()
    link.measure(pulse_bpm=None)
    return link


def half(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(201)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"resourceType": "Obs')
    handler.close_connection = True


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", str(64 * 1024 * 1024))
    handler.end_headers()
    try:
        for _ in range(64):
            handler.wfile.write(b"x" * 1024 * 1024)
    except OSError:
        pass
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((500, {}, b"sentinel"), "waiting server_fault"),
        ((503, {}, b""), "waiting busy"),
        ((400, {}, b'{"sentinel": 1}'), "dead refused"),
        ((422, {}, b"sentinel"), "dead refused"),
        ((412, {}, b""), "dead twice_there"),
        ((302, {"location": "http://127.0.0.1:1/elsewhere"}, b""), "waiting redirected"),
        ((201, {}, b"no json, sentinel"), "waiting bad_answer"),
        ((201, {}, b'{"id": "../../x", "meta": {"versionId": "1"}}'), "waiting bad_answer"),
        (half, "waiting bad_answer"),
        (endless, "waiting bad_answer"),
    ],
    ids=["500", "503", "400", "422", "412", "redirect", "garbage", "id", "half", "endless"],
)
def test_each_fault_has_its_consequence_and_tells_nothing(
    connected: Link, fault: Fault, answer: Any, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fault.answers = [answer]
    connected.send_all(most=1)
    assert connected.states() == [state]
    assert "sentinel" not in caplog.text
    assert "134" not in caplog.text
    # What passes by is over by the next time.
    connected.now += timedelta(hours=1)
    connected.send_all()
    assert connected.states() == ["sent" if state.startswith("waiting") else state]


def test_a_server_that_asks_for_time_gets_it(connected: Link, fault: Fault) -> None:
    fault.answers = [(429, {"retry-after": "600"}, b"")]
    connected.send_all()
    asked = len(fault.asked)
    connected.now += timedelta(seconds=590)
    connected.send_all()
    assert len(fault.asked) == asked, "nothing is sent before the time is over"
    connected.now += timedelta(seconds=11)
    connected.send_all()
    assert connected.states() == ["sent"]
    with closing(connected.database.connect()) as connection:
        assert connection.execute("select failures, failure from ccm.receiver").fetchone() == (
            0,
            "",
        )


def test_what_fails_by_itself_is_a_dead_letter_in_the_end_and_holds_up_its_patient_alone(
    connected: Link, fault: Fault
) -> None:
    connected.measure("noor", pulse_bpm=None)
    fault.answers = [(500, {}, b"")] * 40
    for _ in range(len(sending.RETRY_AFTER) + 1):
        connected.send_all(most=1)
        connected.now += timedelta(days=2)
    states = connected.states()
    assert states[0] == "dead server_fault"
    assert states[1].startswith("waiting"), "the next of the same patient was not tried before"
    fault.answers = []
    with connected.console() as cur:
        assert [one.failure for one in receivers.dead_letters(cur, connected.practice_id, 9)] == [
            Failure.SERVER_FAULT
        ]
        receivers.redrive(cur, connected.practice_id, connected.now)
    connected.now += timedelta(hours=1)
    connected.send_all()
    assert set(connected.states()) == {"sent"}


def test_a_dead_letter_can_be_given_up_once(connected: Link, fault: Fault) -> None:
    fault.answers = [(400, {}, b"")]
    connected.send_all()
    ((letter,),) = connected.rows("outgoing_id")
    petra = connected.made_up.staff["petra"]
    given = {"by": petra, "reason": "Entered there by hand.", "at": connected.now}
    with connected.console() as cur:
        receivers.give_up(cur, connected.practice_id, letter, **given)
        with pytest.raises(link_errors.LetterSettled):
            receivers.give_up(cur, connected.practice_id, letter, **given)
        assert receivers.redrive(cur, connected.practice_id, connected.now) == []


def test_a_server_that_is_away_costs_one_try_at_a_time_however_much_waits(
    connected: Link,
) -> None:
    for _ in range(3):
        connected.measure("amalia", pulse_bpm=None)
    connected.base_url = "http://127.0.0.1:1/fhir"
    connected.send_all(most=5)
    assert connected.rows("distinct attempts", "true order by 1 --") == [(0,)]
    with closing(connected.database.connect()) as connection:
        ((failures, failure),) = connection.execute(
            "select failures, failure from ccm.receiver"
        ).fetchall()
    assert (failures >= 1, failure) == (True, "unreachable")


def test_a_token_is_asked_for_kept_and_asked_for_anew(connected: Link, fault: Fault) -> None:
    token = json.dumps({"access_token": "t-1", "expires_in": 3600}).encode()
    connected.changes = {
        "sign_in": SignIn.CLIENT_SECRET,
        "client_id": "us",
        "token_url": f"http://127.0.0.1:{fault.port}/token",
    }
    connected.measure("noor", pulse_bpm=None)
    again = token.replace(b"t-1", b"t-2")
    fault.answers = [
        (200, {}, token),
        made("Device"),
        made(),
        (401, {}, b""),
        (200, {}, again),
        made(),
    ]
    connected.send_all()
    assert connected.states() == ["sent", "sent"]
    to_tokens = [one for one in fault.asked if one[1] == "/token"]
    assert len(to_tokens) == 2
    basic = base64.b64encode(f"us:{connected.secret}".encode()).decode()
    assert to_tokens[0][2]["authorization"] == f"Basic {basic}"
    shown = [
        one[2]["authorization"] for one in fault.asked if one[:2] == ("POST", "/fhir/Observation")
    ]
    assert shown == ["Bearer t-1", "Bearer t-1", "Bearer t-2"]


def test_the_search_for_a_patient_names_the_identifier_and_nothing_else(
    connected: Link, fault: Fault
) -> None:
    connected.send_all()
    (search, *_) = fault.asked
    assert search[1] == (
        f"/fhir/Patient?identifier={NUMBERS.replace(':', '%3A')}%7CMFP-100533&_count=3"
    )


# Webhooks


def webhook(link: Link, fault: Fault, *, names_patients: bool) -> WebhookSettings:
    keys = link.folder / "webhook.keys"
    keys.write_text(base64.b64encode(b"k" * 32).decode())
    keys.chmod(0o600)
    settings = WebhookSettings(hosts=("127.0.0.1",), signing_keys_file=keys, timeout_s=2.0)
    with link.console() as cur:
        receivers.add_webhook(
            cur,
            link.practice_id,
            f"http://127.0.0.1:{fault.port}/hook",
            name="Panel",
            events=["alert.opened", "task.opened", "month.closed"],
            has_patient_data=names_patients,
            added_by=link.made_up.staff["petra"],
            at=link.now,
        )
    return settings


@pytest.mark.parametrize("names_patients", [False, True])
def test_a_webhook_is_signed_and_names_a_patient_only_where_that_is_agreed(
    link: Link, fault: Fault, names_patients: bool
) -> None:
    settings = webhook(link, fault, names_patients=names_patients)
    fault.answers = [(204, {}, b"")] * 9
    link.measure("bertram", systolic_mmhg=196.0)
    link.send_all(settings)
    told = [json.loads(body) for *_, body in fault.asked]
    assert {one["type"] for one in told} == {"alert.opened", "task.opened"}
    for (_, _, headers, body), one in zip(fault.asked, told, strict=True):
        assert ("Oyelaran" in body.decode()) is names_patients
        assert ("MFP-100517" in body.decode()) is names_patients
        assert "196" not in body.decode()
        assert one["data"]["address"].startswith("https://console.example.org/tasks/")
        secret = hmac.digest(
            b"k" * 32,
            f"homevitals webhook receiver\nhttp://127.0.0.1:{fault.port}/hook".encode(),
            hashlib.sha256,
        )
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{signature}"
        assert headers["webhook-id"] == f"msg_{one['data']['message_id']}"


def test_a_closed_month_is_told_by_its_name(link: Link, fault: Fault) -> None:
    settings = webhook(link, fault, names_patients=True)
    fault.answers = [(204, {}, b"")]
    with link.console() as cur:
        cur.execute(
            "insert into ccm.month_lock (practice_id, month_on, from_at, until_at, chain_position, chain_sha256,"
            " locked_by, locked_at) select %s, '2026-10-01', lower(span), upper(span), 0, repeat('0', 64), %s, %s"
            " from ccm.month_span(%s, '2026-10-01') span",
            (link.practice_id, link.made_up.staff["petra"], link.now, link.practice_id),
        )
    link.send_all(settings)
    ((*_, body),) = fault.asked
    told = json.loads(body)
    assert told["type"] == "month.closed"
    assert told["data"]["month"] == "2026-10"
    assert told["data"]["address"] == "https://console.example.org/time?month=2026-10"
    assert "patient" not in told["data"]


def test_a_webhook_goes_to_no_host_that_the_operator_has_not_named(
    link: Link, fault: Fault, tmp_path: Path
) -> None:
    webhook(link, fault, names_patients=False)
    with link.console() as cur:
        for address, error in (
            ("http://10.0.0.1/", link_errors.BadAddress),
            ("ftp://127.0.0.1/", link_errors.BadAddress),
            ("https://user:word@127.0.0.1/", link_errors.BadAddress),
        ):
            with pytest.raises(error):
                receivers.add_webhook(
                    cur,
                    link.practice_id,
                    address,
                    name="x",
                    events=["task.opened"],
                    has_patient_data=False,
                    added_by=link.made_up.staff["petra"],
                    at=link.now,
                )
        (standing,) = receivers.standings(cur, link.practice_id)
        receivers.queue_test(cur, link.practice_id, standing.receiver_id, link.now)
    # Taken back by the operator later: nothing is sent, and nothing is lost.
    link.send_all(WebhookSettings(hosts=("elsewhere.example.org",)), most=2)
    assert fault.asked == []
    assert link.states() == ["waiting not_allowed"]


def test_a_practice_reads_and_writes_nothing_in_another_practices_ehr(
    connected: Link, fault: Fault
) -> None:
    connected.changes = {"practices": ("elm-street",)}
    connected.send_all(most=2)
    assert fault.asked == []
    assert connected.states() == ["waiting not_allowed"]
    connected.changes = {"practices": ("elm-street", "millbrook")}
    connected.now += timedelta(hours=1)
    connected.send_all()
    assert connected.states() == ["sent"]


def test_a_paused_receiver_gets_nothing_and_an_ended_one_never_again(
    connected: Link, fault: Fault
) -> None:
    petra = connected.made_up.staff["petra"]
    with connected.console() as cur:
        (standing,) = receivers.standings(cur, connected.practice_id)
        receivers.pause(cur, connected.practice_id, standing.receiver_id, paused_at=connected.now)
    connected.measure("noor", pulse_bpm=None)
    assert connected.send_all() == 0
    assert connected.states() == ["waiting", "waiting"]
    ended = {"by": petra, "reason": "Another EHR.", "at": connected.now}
    with connected.console() as cur:
        receivers.end(cur, connected.practice_id, standing.receiver_id, **ended)
        with pytest.raises(link_errors.UnknownReceiver):
            receivers.end(cur, connected.practice_id, standing.receiver_id, **ended)
    connected.measure("noor", pulse_bpm=None)
    assert connected.states() == ["given_up", "given_up"]
    assert fault.asked == []


def test_what_was_sent_is_forgotten_after_a_while_and_nothing_else(
    connected: Link, fault: Fault
) -> None:
    connected.send_all()
    fault.answers = [(400, {}, b"")]
    connected.measure("noor", pulse_bpm=None)
    connected.send_all()
    with closing(connected.database.connect("homevitals_link")) as connection:
        sending.forget_sent(connection, connected.now + timedelta(days=1))
    assert connected.states() == ["dead refused"]


def test_a_receiver_gets_no_more_than_its_pace_allows_whoever_sends(
    connected: Link, fault: Fault
) -> None:
    for _ in range(3):
        connected.measure("noor", pulse_bpm=None)
    connected.changes = {"per_second": 2.0}
    waited_s: list[float] = []
    with (
        closing(connected.carriers()) as carriers,
        closing(connected.database.connect("homevitals_link")) as connection,
    ):
        connection.autocommit = True
        sender = sending.Sender(carriers.of, lambda: connected.now, waited_s.append)
        # Nobody's clock moves: four turns are wanted at one instant, and three come within a second.
        assert [sender.send_some(connection) for _ in range(4)] == [True, True, True, False]
    assert waited_s == [0.0, 0.5, 1.0]
    assert sorted(connected.states()) == ["sent", "sent", "sent", "waiting"]
