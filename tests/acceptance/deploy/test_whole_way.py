"""The whole stack as processes: one reading's way, every process killed in turn, and the logs searched."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from deploy import check, seed
from deploy.stack import Stack

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="hv-whole-"))
    running = Stack(folder, wanted_ports={}, pace=20.0, now=lambda: datetime.now(UTC))
    try:
        for _, step in running.steps():
            step()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def rows(stack: Stack, statement: str) -> list[Any]:
    with psycopg.connect(stack.conninfo("postgres")) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload,no-any-return]


def until(condition: Any, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_one_reading_becomes_a_logged_minute(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    check.follow_one_reading(stack, time.monotonic() + 90)
    told = capsys.readouterr().out
    stations = re.findall(r"^\d+\. (.+?)(?:   |$)", told, re.MULTILINE)
    assert stations == [
        "raw bytes",
        "record",
        "outbox row",
        "MQTT message",
        "reading",
        "rule and its trace",
        "episode",
        "task",
        "time entry",
    ]
    assert "did not get here" not in told


@contextlib.contextmanager
def console_of(stack: Stack, name: str) -> Iterator[httpx.Client]:
    """Yield a browser in which one of the demo's people is signed in."""
    password = next(one.password for one in stack.demo.sign_ins if one.sign_in_name == name)
    with httpx.Client(
        base_url=stack.console_url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30
    ) as browser:
        answer = browser.post("/sign-in", data={"sign_in_name": name, "password": password})
        assert answer.status_code == 303, answer.text
        yield browser


def test_two_practices_run_and_their_people_do_not_see_each_other(stack: Stack) -> None:
    until(
        lambda: (
            rows(stack, "select count(distinct practice_id) from ingest.reading_series")[0][0] == 2
        ),
        60,
        "readings of only one practice arrived",
    )
    with (
        console_of(stack, "casey@millbrook") as casey,
        console_of(stack, "marlow@harborview") as marlow,
    ):
        for browser, own, other in (
            (casey, "Thornquist", "Castellanos"),
            (marlow, "Castellanos", "Thornquist"),
        ):
            page = browser.get("/patients").text
            assert own in page
            assert other not in page
        (foreign,) = rows(
            stack, "select patient_id from ingest.patient where display_name like '%Castellanos'"
        )[0]
        assert casey.get(f"/patients/{foreign}").status_code == 404
        assert marlow.get(f"/patients/{foreign}").status_code == 200


def test_every_home_s_gateway_says_how_it_is(stack: Stack) -> None:
    said = (
        "select h.health->'adapters'->0->>'state', jsonb_array_length(h.health->'peripherals')"
        " from ingest.gateway_health h join ingest.gateway g using (practice_id, gateway_id)"
        " where g.status = 'active'"
    )
    until(lambda: len(rows(stack, said)) == 3, 90, "some gateway has not said how it is")
    with console_of(stack, "ozzie@millbrook") as ozzie:
        (gateway, *_) = ozzie.get("/api/v1/gateways").json()["gateways"]
        health = gateway["last_word"]["health"]
        assert health["peripherals"]
        assert health["outbox"]["closed"] is None
        page = ozzie.get(f"/gateways/{gateway['gateway_id']}").text
        assert health["peripherals"][0]["peripheral"] in page


def test_a_gateway_is_enrolled_with_a_code_and_cut_off_when_it_is_revoked(stack: Stack) -> None:
    folder = stack.folder / "box-12"  # it runs on after this test
    folder.mkdir()
    file = folder / "gateway.toml"
    file.write_text(
        f'[gateway]\nenrolment_server = "{stack.console_url}"\nstate_folder = "{folder / "state"}"\n'
        'time_zone = "America/New_York"\nadapter = "bumble"\nhci_transport = "tcp-client:127.0.0.1:1"\n',
        encoding="utf-8",
    )
    program = [sys.executable, "-m", "gateway.cli"]
    with console_of(stack, "ozzie@millbrook") as ozzie:
        page = ozzie.post("/gateways", data={"label": "Box 12"}).text
        code = re.search(r'<p class="code"><code>([^<]+)<', page)
        assert code is not None
        subprocess.run(
            [*program, "enrol", "--config", str(file)],
            input=code[1],
            text=True,
            check=True,
            timeout=60,
        )
        ((gateway_id,),) = rows(
            stack, "select gateway_id from ingest.gateway where label = 'Box 12'"
        )
        stack.processes.start("gateway-live", [*program, "run", "--config", str(file)])

        def row() -> Any:
            stack.keep_running()  # the guard ends the broker to make it read its files again
            return rows(
                stack,
                f"select is_online, cut_off_at from ingest.gateway where gateway_id = '{gateway_id}'",
            )[0]

        until(lambda: row()[0], 30, "the new gateway did not come online")
        revoked_at = time.monotonic()
        answer = ozzie.post(f"/gateways/{gateway_id}/revoke", data={"reason": "Lost in the mail."})
        assert answer.status_code == 303
        until(lambda: row()[1] is not None, 60, "the revoked gateway was not cut off")
        assert time.monotonic() - revoked_at < 60
    log = stack.processes.log_folder / "gateway-live.log"
    until(lambda: "uplink_down" in log.read_text(), 30, "the gateway did not notice")
    kept = next((folder / "state" / "identity").rglob("*.pem"), None)
    assert kept is not None
    # Whatever it tries from here on, the broker's door stays shut for it.
    ups = log.read_text().count("uplink_up")
    until(lambda: log.read_text().count("uplink_down") >= 3, 60, "the gateway gave up trying")
    assert log.read_text().count("uplink_up") == ups
    until(
        lambda: (
            rows(
                stack,
                "select count(*) from ingest.gateway where is_online and status = 'active'",
            )
            == [(len(seed.HOMES),)]
        ),
        60,
        "the other gateways were disturbed for good",
    )


def test_the_audit_trail_of_all_that_is_whole(stack: Stack) -> None:
    command = [
        sys.executable,
        "-m",
        "deploy.cli",
        "audit",
        "verify",
        "--config",
        str(stack.server_file),
    ]
    until(
        lambda: rows(stack, "select count(*) from ingest.audit_pending") == [(0,)],
        30,
        "the sealer is behind",
    )
    verified = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert rows(stack, "select count(*) from ingest.audit_link")[0][0] > 10


@pytest.mark.parametrize(
    "name",
    [
        *("ingest", "gateway-1", "gateway-2", "ward-1", "ward-2", "broker", "evaluate", "console"),
        *("signer", "guard", "audit"),
    ],
)
def test_a_killed_process_comes_back_and_readings_go_on(stack: Stack, name: str) -> None:
    before = stack.processes.pid(name)
    stack.processes.kill(name)
    until(lambda: name in stack.keep_running(), 15, f"{name} was not started again")
    assert stack.processes.pid(name) != before
    stored = rows(stack, "select count(*) from ingest.record_key")[0][0]
    until(
        lambda: rows(stack, "select count(*) from ingest.record_key")[0][0] > stored + 1,
        60,
        f"no reading arrived after {name} had been killed",
    )


def test_a_killed_database_comes_back_and_readings_go_on(stack: Stack) -> None:
    stored = rows(stack, "select count(*) from ingest.record_key")[0][0]
    os.kill(stack.postmaster_pid, signal.SIGQUIT)  # “immediate”: no checkpoint, as after a crash
    until(lambda: "postgres" in stack.keep_running(), 30, "PostgreSQL was not started again")
    until(
        lambda: rows(stack, "select count(*) from ingest.record_key")[0][0] > stored + 1,
        60,
        "no reading arrived after the database had been killed",
    )


def test_nothing_was_lost_or_doubled(stack: Stack) -> None:
    """After all that killing: what the peripherals delivered is what is stored, once."""
    for number in range(1, len(seed.HOMES) + 1):
        stack.processes.kill(f"ward-{number}")  # nothing new is measured from here on
    outboxes = [gateway.gateway_id for gateway in stack.demo.gateways]

    def waiting() -> list[dict[str, Any]]:
        return [
            row
            for gateway_id in outboxes
            for row in stack.outbox(gateway_id)["records"]
            if row["state"] == "waiting"
        ]

    until(lambda: not waiting(), 60, "the outboxes did not drain")
    sent = {
        (row["peripheral"], row["characteristic"], row["raw"])
        for gateway_id in outboxes
        for row in stack.outbox(gateway_id)["records"]
    }
    stored = rows(
        stack,
        """select p.bluetooth_address, r.characteristic, encode(r.raw, 'hex')
           from ingest.reading_series r join ingest.peripheral p using (practice_id, peripheral_id)
           union all
           select p.bluetooth_address, '2a34', encode(c.raw, 'hex')
           from ingest.glucose_context c join ingest.peripheral p using (practice_id, peripheral_id)
           """,
    )
    assert len(stored) == len(set(stored))
    assert set(stored) == sent
    # What the broker said in the name of the gateway that was revoked on the way; nothing else.
    assert {reason for (reason,) in rows(stack, "select reason from ingest.quarantine")} <= {
        "revoked_gateway"
    }
    for home in seed.HOMES:
        assert confirmed_by_peripherals(stack, home) <= sent


def confirmed_by_peripherals(stack: Stack, home: seed.Home) -> set[tuple[str, str, str]]:
    """What the virtual peripherals believe a host has taken from them."""
    found = set()
    for file in (stack.folder / home.name / "ward").glob("*.json"):
        document = json.loads(file.read_text(encoding="utf-8"))
        address = next(
            peripheral.address
            for peripheral in home.ward().peripherals
            if peripheral.address.replace(":", "").lower() in file.name.replace("-", "").lower()
        )
        for record in document["records"]:
            if record["is_sent"]:
                found |= {(address, source, raw) for source, raw in record["frames"]}
    return found


def test_every_breach_has_a_task_or_a_recorded_reason_for_silence(stack: Stack) -> None:
    until(
        lambda: rows(stack, "select count(*) from ingest.evaluation_queue") == [(0,)],
        30,
        "the evaluation queue did not drain",
    )
    assert rows(
        stack,
        """select count(*) from ingest.reading_series r
               left join alerts.evaluation e using (practice_id, reading_id)
               where r.patient_id is not null and r.result = 'measured' and e.reading_id is null""",
    ) == [(0,)]
    episodes, tasks = rows(
        stack, "select (select count(*) from alerts.episode), (select count(*) from ccm.task)"
    )[0]
    assert episodes == tasks > 0


def test_a_gateway_follows_what_an_operator_says(stack: Stack) -> None:
    gateway_id, settings_file = next(iter(stack.gateway_files.items()))
    addresses = tomllib.loads(settings_file.read_text())["gateway"]["peripherals"]
    box = stack.folder / "box.toml"
    box.write_text("".join(f'[[peripheral]]\naddress = "{one}"\n' for one in addresses))
    ((slug,),) = rows(
        stack,
        "select slug from ingest.practice join ingest.gateway using (practice_id)"
        f" where gateway_id = '{gateway_id}'",
    )
    options = ["--practice", slug, "--config", str(stack.server_file)]
    command = [sys.executable, "-m", "deploy.cli", "gateway"]
    subprocess.run([*command, "configure", gateway_id, "--file", str(box), *options], check=True)

    def is_followed() -> bool:
        listed = subprocess.run(
            [*command, "list", "--json", *options], check=True, capture_output=True
        )
        found = {one["gateway_id"]: one for one in json.loads(listed.stdout)}
        return bool(found[gateway_id]["applied_number"])

    until(is_followed, 60, "the gateway does not follow its configuration")


def test_the_logs_hold_no_patient_data(stack: Stack) -> None:
    people = [
        word
        for (name, record_number, born_on) in rows(
            stack, "select display_name, record_number, born_on::text from ingest.patient"
        )
        for word in (*name.split(), record_number, born_on)
    ]
    frames = [
        raw
        for (raw,) in rows(stack, "select distinct encode(raw, 'hex') from ingest.reading_series")
    ]
    numbers = [
        f"{systolic:g}/{diastolic:g}"
        for (systolic, diastolic) in rows(
            stack,
            "select distinct systolic_mmhg, diastolic_mmhg from ingest.reading_series where systolic_mmhg > 0",
        )
    ]
    forbidden = [*people, *frames, *numbers, *(one.password for one in stack.demo.sign_ins)]
    assert len(people) >= 8
    assert len(frames) > 50
    logs = [*sorted((stack.folder / "log").glob("*.log")), stack.folder / "postgres" / "log"]
    assert len(logs) >= 10
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace")
        assert [word for word in forbidden if word in text] == [], log.name
        assert not re.search(r"(systolic|diastolic|glucose|pulse)\w*\W+\d", text), log.name
        assert "Traceback" not in text, log.name
