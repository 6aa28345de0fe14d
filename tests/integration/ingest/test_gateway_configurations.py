"""Gateways' configurations in the store: versions that nobody changes, signed, numbered, and free of patients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import psycopg
import pytest

from deploy import ports
from deploy.settings import SignerSettings
from firmware_profiles import models, profile_file
from firmware_profiles.gateway_configuration import AllowedPeripheral, ProfileFile, Schedule
from firmware_profiles.signed_configuration import (
    ConfigurationAnswer,
    ConfigurationRefusal,
    Refused,
)
from gateway import configuration_keys
from ingest import fleet, gateway_configurations, named_queries
from ingest.errors import ConfigurationReason, ConfigurationRefused, SignerAway
from ingest.gateway_configurations import Version, Wanted
from ingest.signing import Signer
from tests import scopes
from tests.enrolled_gateways import running_signer
from tests.integration.ingest.conftest import GATEWAY, Home

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 28, 8, tzinfo=UTC)
CUFF = AllowedPeripheral("AA:BB:CC:DD:EE:01", "standard-cuff", "Cuff by the window")
WANTED = Wanted((CUFF,), schedule=Schedule(revisit_after_s=30.0))
OUR_CUFF = (
    resources.files("firmware_profiles.models")
    .joinpath("standard-cuff.toml")
    .read_text(encoding="utf-8")
    .replace('"standard-cuff"', '"our-cuff"', 1)
)

Make = Callable[..., Version]
CONSOLE, INGEST = "homevitals_console", "homevitals_ingest"
PARAMETERS: dict[str, Any] = {
    "gateway_id": GATEWAY,
    "number": 1,
    "limit": 1,
    "content": b"{}",
    "key_id": "ab" * 32,
    "signature": bytes(64),
    "at": AT,
    "made_by": "somebody",
    "words": ["x"],
    "sent_before": AT,
    "applied_number": 0,
    "refused_number": None,
    "refused_reason": None,
    "refused_detail": None,
}
# Statement → role.
RUNS = {
    "latest": CONSOLE,
    "version": CONSOLE,
    "history": CONSOLE,
    "following": CONSOLE,
    "next_number": CONSOLE,
    "add": CONSOLE,
    "want": CONSOLE,
    "names_a_patient": CONSOLE,
    "take_turn": INGEST,
    "due": INGEST,
    "note_sent": INGEST,
    "note_heard": INGEST,
}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    folder = tmp_path_factory.mktemp("s")
    with running_signer(SignerSettings(folder=folder / "signer", socket=folder / "s.sock")) as one:
        yield one


@pytest.fixture
def cur(database: Any, home: Home) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor of the console, in the practice's scope."""
    with database.connect(CONSOLE, home.practice_id) as connection, connection.cursor() as cur:
        yield cur


@pytest.fixture
def make(cur: psycopg.Cursor[Any], home: Home, signer: Signer) -> Make:
    def run(wanted: Wanted = WANTED, based_on: int = 0, **changes: Any) -> Version:
        options: dict[str, Any] = {"signer": signer, "made_by": "casey", "at": AT} | changes
        gateway_id = options.pop("gateway_id", GATEWAY)
        return gateway_configurations.make(
            cur, home.practice_id, gateway_id, wanted, based_on=based_on, **options
        )

    return run


def reason(make: Make, *arguments: Any, **options: Any) -> ConfigurationReason:
    with pytest.raises(ConfigurationRefused) as refused:
        make(*arguments, **options)
    return refused.value.reason


def test_every_statement_has_a_run_here_and_a_use_in_its_module() -> None:
    text = (resources.files("ingest") / "gateway_configurations.py").read_text(encoding="utf-8")
    assert set(named_queries.load("ingest", "gateway_configurations")) == set(RUNS)
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_statement_runs_with_the_rights_of_its_role(database: Any, home: Home, name: str) -> None:
    statement = getattr(named_queries.load("ingest", "gateway_configurations"), name)
    with database.connect(RUNS[name]) as connection:
        if RUNS[name] == CONSOLE:
            scopes.work_for(connection, home.practice_id)
        connection.execute(statement, PARAMETERS | {"practice_id": home.practice_id})


def test_a_version_is_signed_and_numbered(make: Make, signer: Signer) -> None:
    made = make()
    assert (made.number, made.wanted, made.configuration.gateway_id) == (1, WANTED, GATEWAY)
    keys = configuration_keys.read(signer.configuration_keys())
    signed = gateway_configurations.SignedConfiguration(made.key_id, made.signature, made.content)
    assert configuration_keys.has_signed(keys[made.key_id], signed)


def test_the_latest_version_holds_and_all_are_kept(
    make: Make, cur: psycopg.Cursor[Any], home: Home
) -> None:
    first = make()
    second = make(Wanted(), based_on=1, at=AT + timedelta(hours=1), made_by="robin")
    found = gateway_configurations.latest(cur, home.practice_id, GATEWAY)
    assert found == second
    assert gateway_configurations.version(cur, home.practice_id, GATEWAY, 1) == first
    history = gateway_configurations.history(cur, home.practice_id, GATEWAY)
    assert [(one.number, one.made_by) for one in history] == [(2, "robin"), (1, "casey")]


@pytest.mark.parametrize("deed", ["update", "delete", "truncate"])
def test_nobody_changes_a_version(
    make: Make, cur: psycopg.Cursor[Any], owner: psycopg.Connection[Any], deed: str
) -> None:
    make()
    cur.connection.commit()
    statements = {
        "update": "update ingest.gateway_configuration set content = '{}'",
        "delete": "delete from ingest.gateway_configuration",
        "truncate": "truncate ingest.gateway_configuration",
    }
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        owner.execute(statements[deed])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        cur.execute(statements[deed])


def test_two_people_do_not_overwrite_each_other(make: Make) -> None:
    make()
    assert reason(make, Wanted()) is ConfigurationReason.CHANGED_MEANWHILE
    assert reason(make, Wanted(), based_on=2) is ConfigurationReason.CHANGED_MEANWHILE


def test_a_first_version_may_not_silence_the_home(make: Make) -> None:
    """Until then the peripherals that were typed in there hold, and nobody has said them again yet."""
    paces = Wanted(schedule=Schedule(revisit_after_s=30.0))
    assert reason(make, paces) is ConfigurationReason.NO_PERIPHERALS
    make()
    assert make(paces, based_on=1).number == 2


def test_two_transactions_cannot_make_the_same_number(
    make: Make, cur: psycopg.Cursor[Any], database: Any, home: Home, signer: Signer
) -> None:
    with database.connect(CONSOLE, home.practice_id) as other:
        other.execute("set lock_timeout = '200ms'")
        make()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            gateway_configurations.make(
                other.cursor(), home.practice_id, GATEWAY, WANTED, based_on=0, signer=signer,
                made_by="robin", at=AT,
            )  # fmt: skip
        other.rollback()


def test_a_number_that_a_gateway_follows_is_not_given_again(
    make: Make, owner: psycopg.Connection[Any], home: Home
) -> None:
    """After a restore from a backup, gateways follow versions that the database does not know."""
    with owner.transaction(), owner.cursor() as superuser:
        gateway_configurations.note_heard(
            superuser, home.practice_id, GATEWAY, ConfigurationAnswer(41), AT
        )
    assert make().number == 42


@pytest.mark.parametrize("name", ["Pat's cuff", "cuff of EXAMPLE", "for pat_example", "r-1 meter"])
def test_a_patients_name_is_refused(make: Make, name: str) -> None:
    wanted = Wanted((AllowedPeripheral("AA:BB:CC:DD:EE:01", name=name),))
    if name.startswith("r-1"):  # record numbers are found where they are a word
        make(wanted)
        return
    assert reason(make, wanted) is ConfigurationReason.NAMES_A_PATIENT


@pytest.mark.parametrize("name", ["", "Kitchen", "Upstairs cuff 2", "Patio"])
def test_a_place_is_no_name(make: Make, name: str) -> None:
    make(Wanted((AllowedPeripheral("AA:BB:CC:DD:EE:01", name=name),)))


def test_what_the_format_does_not_have_is_refused(make: Make) -> None:
    twice = Wanted((CUFF, CUFF))
    assert reason(make, twice) is ConfigurationReason.IMPOSSIBLE
    odd = Wanted((AllowedPeripheral("aa:bb"),))
    assert reason(make, odd) is ConfigurationReason.IMPOSSIBLE
    assert reason(make, Wanted(schedule=Schedule(status_every_s=0.0))) is (
        ConfigurationReason.IMPOSSIBLE
    )


def test_unknown_and_revoked_gateways_get_none(
    make: Make, cur: psycopg.Cursor[Any], home: Home
) -> None:
    assert reason(make, gateway_id="gw-nobody00") is ConfigurationReason.UNKNOWN_GATEWAY
    assert fleet.revoke(cur, home.practice_id, GATEWAY, AT)
    assert reason(make) is ConfigurationReason.REVOKED


def test_another_practices_gateway_is_unknown(make: Make, other_home: Home) -> None:
    assert reason(make, gateway_id=other_home.gateway_id) is ConfigurationReason.UNKNOWN_GATEWAY


def test_a_profile_that_ingest_could_not_read_is_refused(make: Make) -> None:
    ours = Wanted(
        (AllowedPeripheral(CUFF.address, "our-cuff"),), (ProfileFile("our-cuff.toml", OUR_CUFF),)
    )
    assert reason(make, ours) is ConfigurationReason.PROFILE_NOT_HERE
    models.add([profile_file.parse("our-cuff.toml", OUR_CUFF)])
    try:
        assert make(ours).number == 1
        other = Wanted(
            (), (ProfileFile("our-cuff.toml", OUR_CUFF.replace('title = "', 'title = "X')),)
        )
        assert reason(make, other, based_on=1) is ConfigurationReason.PROFILE_NOT_HERE
    finally:
        models.add(())


def test_a_broken_profile_is_named_with_its_line(make: Make) -> None:
    broken = OUR_CUFF.replace("version = 1", "version = 0", 1)
    line = OUR_CUFF.splitlines().index("version = 1") + 1
    with pytest.raises(
        ConfigurationRefused, match=f"our-cuff.toml, line {line}: version"
    ) as refused:
        make(Wanted((), (ProfileFile("our-cuff.toml", broken),)))
    assert refused.value.reason is ConfigurationReason.BROKEN_PROFILE


def test_a_profile_that_is_nowhere_is_refused(make: Make) -> None:
    wanted = Wanted((AllowedPeripheral(CUFF.address, "no-such-cuff"),))
    assert reason(make, wanted) is ConfigurationReason.UNKNOWN_PROFILE


def test_without_the_signer_nothing_is_made(
    make: Make, cur: psycopg.Cursor[Any], home: Home, tmp_path: Any
) -> None:
    with pytest.raises(SignerAway):
        make(signer=Signer(tmp_path / "none.sock", timeout_s=0.2))
    assert gateway_configurations.latest(cur, home.practice_id, GATEWAY) is None


def test_what_a_gateway_says_is_kept(
    owner: psycopg.Connection[Any], cur: psycopg.Cursor[Any], home: Home
) -> None:
    refused = Refused(4, ConfigurationRefusal.BROKEN_PROFILE, "our-cuff.toml, line 3: no")
    for answer in (ConfigurationAnswer(3, refused), ConfigurationAnswer(4)):
        with owner.transaction(), owner.cursor() as superuser:
            gateway_configurations.note_heard(superuser, home.practice_id, GATEWAY, answer, AT)
        found = gateway_configurations.following(cur, home.practice_id, GATEWAY)
        assert (found.heard_at, found.applied_number) == (AT, answer.applied)
        told = (found.refused_number, found.refused_reason, found.refused_detail)
        assert told == (
            (4, "broken_profile", refused.detail) if answer.refused else (None, None, None)
        )


def due(database: Any, at: datetime) -> list[tuple[str, int | None]]:
    with database.connect(INGEST) as connection, connection.cursor() as cur:
        found = gateway_configurations.due(cur, at, 10)
    return [(one.gateway_id, one.number) for one in found]


def test_what_is_due(
    make: Make,
    cur: psycopg.Cursor[Any],
    owner: psycopg.Connection[Any],
    database: Any,
    home: Home,
) -> None:
    def sent(number: int | None, at: datetime = AT) -> None:
        one = gateway_configurations.Due(home.practice_id, GATEWAY, number, None)
        with owner.transaction(), owner.cursor() as superuser:
            gateway_configurations.note_sent(superuser, one, at)

    def heard(applied: int, refused: Refused | None = None) -> None:
        with owner.transaction(), owner.cursor() as superuser:
            gateway_configurations.note_heard(
                superuser, home.practice_id, GATEWAY, ConfigurationAnswer(applied, refused), AT
            )

    long_ago, later = AT - timedelta(hours=1), AT + timedelta(seconds=1)
    assert due(database, later) == []
    make()
    cur.connection.commit()
    assert due(database, long_ago) == [(GATEWAY, 1)]
    sent(1)
    assert due(database, long_ago) == []
    assert due(database, later) == [(GATEWAY, 1)]  # nobody has answered
    heard(1)
    assert due(database, later) == []
    heard(0)  # the box lost what it followed
    assert due(database, long_ago) == [(GATEWAY, 1)]
    sent(1)
    heard(0, Refused(1, ConfigurationRefusal.BROKEN_PROFILE))
    assert due(database, later) == []
    heard(0, Refused(None, ConfigurationRefusal.UNKNOWN_KEY))
    assert due(database, later) == [(GATEWAY, 1)]
    make(Wanted(), based_on=1)
    cur.connection.commit()
    assert due(database, long_ago) == [(GATEWAY, 2)]
    assert fleet.revoke(cur, home.practice_id, GATEWAY, AT)
    cur.connection.commit()
    assert due(database, long_ago) == [(GATEWAY, None)]
    sent(None)
    assert due(database, later) == []


def test_a_gateway_that_is_only_expected_is_not_sent_anything(
    make: Make, cur: psycopg.Cursor[Any], owner: psycopg.Connection[Any], database: Any
) -> None:
    owner.execute(
        "update ingest.gateway set status = 'expected', enrolled_at = null, expected_at = now()"
        " where gateway_id = %s",
        (GATEWAY,),
    )
    make()
    cur.connection.commit()
    assert due(database, AT) == []
    owner.execute(
        "update ingest.gateway set status = 'active', enrolled_at = now() where gateway_id = %s",
        (GATEWAY,),
    )
    assert due(database, AT) == [(GATEWAY, 1)]


def test_one_courier_works_at_a_time(database: Any) -> None:
    with database.connect(INGEST) as first, database.connect(INGEST) as second:
        assert gateway_configurations.take_turn(first)
        assert not gateway_configurations.take_turn(second)
        first.close()
        with database.connect(INGEST) as third:
            # The server ends the first one's session in its own time.
            assert ports.wait_until(lambda: gateway_configurations.take_turn(third), timeout_s=20)
