"""A gateway's configuration on its page: each form makes a signed version, and each has its line in the trail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ccm_link.settings import CcmLinkSettings
from deploy.settings import SignerSettings
from firmware_profiles.gateway_configuration import AllowedPeripheral, Schedule
from firmware_profiles.signed_configuration import (
    ConfigurationAnswer,
    ConfigurationRefusal,
    Refused,
)
from ingest import fleet, gateway_configurations
from ingest.gateway_configurations import Version
from tests import console_server
from tests.console_server import Console
from tests.enrolled_gateways import running_signer
from tests.made_up_practice import Clock, Connect, MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
SignIn = Callable[[str], httpx.Client]

BOX = "gw-home0001"
PAGE = f"/gateways/{BOX}/configuration"
CUFF, METER = "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignerSettings]:
    folder = tmp_path_factory.mktemp("s")
    settings = SignerSettings(folder=folder / "signer", socket=folder / "s.sock")
    with running_signer(settings):
        yield settings


@pytest.fixture
def console(
    database: Any, made_up: MadeUp, clock: Clock, signer: SignerSettings, tmp_path: Path
) -> Iterator[Console]:
    settings = CcmLinkSettings(
        signer_socket=signer.socket, secrets_key_file=tmp_path / "console-secrets.keys"
    )
    with console_server.serve(database.conninfo, clock, settings) as found:
        yield found


def latest(connect: Connect, made_up: MadeUp) -> Version | None:
    with connect("homevitals_console", made_up.practice_id) as connection:
        return gateway_configurations.latest(connection.cursor(), made_up.practice_id, BOX)


def allow(
    browser: httpx.Client, based_on: int, address: str = CUFF, **fields: str
) -> httpx.Response:
    posted = {"based_on": str(based_on), "address": address, **fields}
    return browser.post(f"{PAGE}/peripherals", data=posted)


def test_an_operator_makes_versions_part_by_part(
    sign_in: SignIn, connect: Connect, made_up: MadeUp
) -> None:
    ozzie = sign_in("ozzie")
    assert "list all of them" in ozzie.get(PAGE).text
    answer = allow(ozzie, 0, "aa-bb-cc-dd-ee-01", name="Kitchen", profile_id="standard-cuff")
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert allow(ozzie, 1, METER).status_code == 303
    schedule = {"based_on": "2", "revisit_after_s": "30", "resend_after_s": ""}
    assert ozzie.post(f"{PAGE}/schedule", data=schedule).status_code == 303

    made = latest(connect, made_up)

    assert made is not None
    assert (made.number, made.made_by) == (3, str(made_up.staff["ozzie"]))
    assert made.wanted.peripherals == (
        AllowedPeripheral(CUFF, "standard-cuff", "Kitchen"),
        AllowedPeripheral(METER),
    )
    assert made.wanted.schedule == Schedule(revisit_after_s=30.0)
    page = ozzie.get(PAGE).text
    assert "Kitchen" in page
    assert "Version 3" in page
    assert "not sent yet" in page
    removed = ozzie.post(f"{PAGE}/peripherals/remove", data={"based_on": "3", "address": CUFF})
    assert removed.status_code == 303
    again = ozzie.post(f"{PAGE}/again", data={"based_on": "4"})
    assert again.status_code == 303
    made = latest(connect, made_up)
    assert made is not None
    assert (made.number, made.wanted.peripherals) == (5, (AllowedPeripheral(METER),))


def test_every_version_has_its_line_in_the_trail(
    sign_in: SignIn, connect: Connect, made_up: MadeUp
) -> None:
    ozzie = sign_in("ozzie")
    allow(ozzie, 0, name="Kitchen")
    allow(ozzie, 1, METER)
    with connect("postgres") as connection:
        lines = connection.execute(
            "select agent_id, resource_id, detail from ingest.audit_event"
            " where kind = 'change' order by (detail->'after'->>'configuration')::int"
        ).fetchall()
    assert [(agent, box) for agent, box, _ in lines] == [(str(made_up.staff["ozzie"]), BOX)] * 2
    first, second = (detail for _, _, detail in lines)
    assert first["before"] == {"configuration": 0}
    assert second["before"] == first["after"]
    assert (second["after"]["configuration"], second["after"]["peripherals"]) == (2, 2)
    assert re.fullmatch("sha256:[0-9a-f]{64}", second["after"]["content"])
    assert "Kitchen" not in str(lines)
    assert CUFF not in str(lines)


@pytest.mark.parametrize("name", ["petra", "casey", "dana", "augustin"])
def test_who_may_change_it(sign_in: SignIn, name: str) -> None:
    browser = sign_in(name)
    may = name == "petra"
    answer = allow(browser, 0)
    assert (answer.status_code == 303) is may
    if name != "augustin":
        assert ("Let the box connect to it" in browser.get(PAGE).text) is may


@pytest.mark.parametrize(
    ("form", "fields", "words"),
    [
        ("peripherals", {"address": "AA:BB"}, "Write an address"),
        ("peripherals", {"address": CUFF, "name": "x" * 41}, "At most 40"),
        ("peripherals", {"address": CUFF, "name": "Amalia"}, "part of a patient"),
        ("peripherals", {"address": CUFF, "profile_id": "no-such"}, "no profile “no-such”"),
        ("schedule", {"revisit_after_s": "1e3"}, "Write a number of seconds"),
        ("schedule", {"status_every_s": "5000"}, "At most 900"),
        ("schedule", {"status_every_s": "60"}, "lists no peripheral"),
        ("again", {}, "lists no peripheral"),
        ("profiles", {"file_name": "x.py", "text": "a"}, "“.toml” behind"),
        ("profiles", {"file_name": "x.toml", "text": "title = 1"}, "x.toml, line"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    sign_in: SignIn,
    connect: Connect,
    made_up: MadeUp,
    form: str,
    fields: dict[str, str],
    words: str,
) -> None:
    answer = sign_in("ozzie").post(f"{PAGE}/{form}", data={"based_on": "0", **fields})
    assert answer.status_code in {409, 422}
    assert words in answer.text
    assert latest(connect, made_up) is None


def test_two_people_do_not_overwrite_each_other(
    sign_in: SignIn, connect: Connect, made_up: MadeUp
) -> None:
    allow(sign_in("ozzie"), 0)
    answer = allow(sign_in("petra"), 0, METER)
    assert answer.status_code == 409
    assert "another version meanwhile" in answer.text
    made = latest(connect, made_up)
    assert made is not None
    assert made.wanted.peripherals == (AllowedPeripheral(CUFF),)


def test_what_the_gateway_says_is_shown(sign_in: SignIn, connect: Connect, made_up: MadeUp) -> None:
    ozzie = sign_in("ozzie")
    allow(ozzie, 0)
    refused = Refused(1, ConfigurationRefusal.BROKEN_PROFILE, "our-cuff.toml, line 3: <b>no</b>")
    for answer, words in (
        (ConfigurationAnswer(0, refused), "our-cuff.toml, line 3: &lt;b&gt;no"),
        (ConfigurationAnswer(1), "follows version 1"),
    ):
        with connect("homevitals_ingest", made_up.practice_id) as connection:
            gateway_configurations.note_heard(
                connection.cursor(), made_up.practice_id, BOX, answer, datetime.now(UTC)
            )
        assert words in ozzie.get(PAGE).text


def test_a_revoked_gateway_is_given_nothing(
    sign_in: SignIn, connect: Connect, made_up: MadeUp
) -> None:
    with connect("homevitals_console", made_up.practice_id) as connection:
        fleet.revoke(connection.cursor(), made_up.practice_id, BOX, datetime.now(UTC))
    ozzie = sign_in("ozzie")
    assert allow(ozzie, 0).status_code == 409
    assert "Let the box connect to it" not in ozzie.get(PAGE).text


def test_another_practices_gateway_is_not_there(sign_in: SignIn) -> None:
    ozzie = sign_in("ozzie")
    assert ozzie.get("/gateways/gw-nobody00/configuration").status_code == 404
    answer = ozzie.post(
        "/gateways/gw-nobody00/configuration/peripherals", data={"based_on": "0", "address": CUFF}
    )
    assert answer.status_code == 404


def test_without_the_signer_nothing_is_made(
    connect: Connect, made_up: MadeUp, sign_in: SignIn, console: Console, tmp_path: Path
) -> None:
    here = console.app.state.surroundings
    nowhere = replace(here.settings, signer_socket=tmp_path / "none.sock")
    console.app.state.surroundings = replace(here, settings=nowhere)
    answer = allow(sign_in("ozzie"), 0, name="Kitchen")
    assert answer.status_code == 503
    assert "Nothing can be signed now" in answer.text
    assert 'value="Kitchen"' in answer.text
    assert latest(connect, made_up) is None
