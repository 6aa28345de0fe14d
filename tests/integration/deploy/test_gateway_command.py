"""“homevitals gateway”: a configuration from a file, shown as a file again, and in the trail with who made it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from deploy import cli, gateway_configuration_file
from deploy.settings import SignerSettings
from firmware_profiles.gateway_configuration import AllowedPeripheral, ProfileFile, Schedule
from firmware_profiles.signed_configuration import ConfigurationAnswer
from ingest import gateway_configurations
from ingest.gateway_configurations import Wanted
from tests.enrolled_gateways import running_signer
from tests.made_up_practice import MadeUp

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

Run = Callable[..., tuple[int, str, str]]
BOX = "gw-home0001"
FILE = """
[[peripheral]]
address = "AA:BB:CC:DD:EE:01"
profile_id = "our-cuff"
name = "Küche"

[[peripheral]]
address = "AA:BB:CC:DD:EE:02"

[[profile]]
file = "our-cuff.toml"

[schedule]
status_every_s = 120
"""
OUR_CUFF = (
    resources.files("firmware_profiles.models")
    .joinpath("standard-cuff.toml")
    .read_text(encoding="utf-8")
    .replace('"standard-cuff"', '"our-cuff"', 1)
)
WANTED = Wanted(
    (
        AllowedPeripheral("AA:BB:CC:DD:EE:01", "our-cuff", "Küche"),
        AllowedPeripheral("AA:BB:CC:DD:EE:02"),
    ),
    (ProfileFile("our-cuff.toml", OUR_CUFF),),
    Schedule(status_every_s=120.0),
)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignerSettings]:
    folder = tmp_path_factory.mktemp("s")
    settings = SignerSettings(folder=folder / "signer", socket=folder / "s.sock")
    with running_signer(settings):
        yield settings


@pytest.fixture
def run(
    database: Any,
    made_up: MadeUp,
    signer: SignerSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run an action in the made-up practice; return its exit status, output and errors."""
    for name, role in (("DATABASE", "console"), ("ENTRANCE_DATABASE", "entrance")):
        conninfo = database.conninfo(f"homevitals_{role}")
        monkeypatch.setenv(f"HOMEVITALS_CCM_LINK_{name}", conninfo)
    monkeypatch.setenv("HOMEVITALS_CCM_LINK_SIGNER_SOCKET", str(signer.socket))
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "our-cuff.toml").write_text(OUR_CUFF)
    monkeypatch.setenv("HOMEVITALS_PROFILES_FOLDER", str(tmp_path / "profiles"))

    def command(action: str, *words: str) -> tuple[int, str, str]:
        status = cli.main(["gateway", action, "--practice", "millbrook", *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "box.toml"
    path.write_text(FILE, encoding="utf-8")
    (tmp_path / "our-cuff.toml").write_text(OUR_CUFF, encoding="utf-8")
    return path


def test_a_file_becomes_a_version_and_comes_back_as_a_file(
    run: Run, file: Path, database: Any, made_up: MadeUp
) -> None:
    status, told, _ = run("configure", BOX, "--file", str(file))
    assert (status, "version 1 is made" in told) == (0, True)
    with database.connect("homevitals_console", made_up.practice_id) as connection:
        made = gateway_configurations.latest(connection.cursor(), made_up.practice_id, BOX)
    assert made is not None
    assert made.wanted == WANTED

    status, shown, _ = run("show", BOX)

    assert status == 0
    assert gateway_configuration_file.read("x", shown, lambda _: OUR_CUFF) == WANTED
    assert run("show", BOX, "--profile", "our-cuff.toml")[1] == OUR_CUFF
    assert run("configure", BOX, "--again")[0] == 0
    assert "version 2" in run("show", BOX)[1]
    assert "version 1" in run("show", BOX, "--number", "1")[1]


def test_who_made_it_stands_in_the_trail(run: Run, file: Path, database: Any) -> None:
    run("configure", BOX, "--file", str(file))
    with database.connect("postgres") as connection:
        (line,) = connection.execute(
            "select kind, agent_kind, resource, resource_id, detail->'after'->>'configuration'"
            " from ingest.audit_event where kind = 'change'"
        ).fetchall()
    assert line == ("change", "command_line", "gateway", BOX, "1")


def test_the_list_says_how_far_each_is(
    run: Run, file: Path, database: Any, made_up: MadeUp
) -> None:
    assert "version 0: none" in run("list")[1]
    run("configure", BOX, "--file", str(file))
    assert "version 1: not sent yet" in run("list")[1]
    with database.connect("homevitals_ingest", made_up.practice_id) as connection:
        gateway_configurations.note_heard(
            connection.cursor(), made_up.practice_id, BOX, ConfigurationAnswer(1), datetime.now(UTC)
        )
    assert "version 1: followed" in run("list")[1]
    found = {one["gateway_id"]: one for one in json.loads(run("list", "--json")[1])}
    assert (found[BOX]["latest_number"], found[BOX]["applied_number"]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[peripheral]]\naddres = 1\n", 'line 2: [peripheral] unknown key "addres"'),
        ("[[peripheral]]\n", "line 1"),
        ("x = [\n", "not TOML"),
        ("[[profile]]\nfile = '../x.toml'\n", "line 2: [profile] file: expected a name"),
        ("[[profile]]\nfile = 'none.toml'\n", "none.toml cannot be read"),
        ("[paces]\n", "line 1: paces is not known"),
        ("[schedule]\nstatus_every_s = 5000\n", "status_every_s must be from 1 to 900"),
        ("[[peripheral]]\naddress = 'aa'\n", "address must be an address"),
        ("[[peripheral]]\naddress = 'AA:BB:CC:DD:EE:01'\nname = 'Amalia'\n", "part of a patient"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(run: Run, tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "box.toml"
    file.write_text(text)
    status, _, told = run("configure", BOX, "--file", str(file))
    assert status == 1
    assert words in told
    assert "version 0: none" in run("list")[1]


def test_an_unknown_gateway_is_said(run: Run, file: Path) -> None:
    assert run("show", "gw-nobody00")[0] == 1
    status, _, told = run("configure", "gw-nobody00", "--file", str(file))
    assert (status, "no gateway gw-nobody00" in told) == (1, True)


def test_nothing_is_made_again_where_there_is_nothing_yet(run: Run) -> None:
    """It would be an empty configuration: the gateway would connect to nothing any more."""
    status, _, told = run("configure", BOX, "--again")
    assert (status, "list all of its peripherals first" in told) == (1, True)
    assert "version 0: none" in run("list")[1]


def test_without_the_signer_it_says_so(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOMEVITALS_CCM_LINK_SIGNER_SOCKET", str(tmp_path / "none.sock"))
    status, _, told = run("configure", BOX, "--file", str(file))
    assert (status, "The signer does not answer" in told) == (4, True)
