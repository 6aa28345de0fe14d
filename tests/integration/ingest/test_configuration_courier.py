"""The whole way of a configuration: signed, kept by the broker, followed by a real gateway, and answered."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy import ports
from deploy.settings import SignerSettings
from firmware_profiles import models, signed_configuration, topics
from firmware_profiles.gateway_configuration import AllowedPeripheral
from firmware_profiles.signed_configuration import (
    ConfigurationAnswer,
    ConfigurationRefusal,
    Refused,
)
from gateway import rotation
from gateway.following import Following
from gateway.outbox import Outbox
from gateway.settings import GatewaySettings
from gateway.uplink import Uplink
from ingest import configuration_courier, fleet, gateway_configurations
from ingest.courier_link import CourierLink, Heard
from ingest.gateway_configurations import FollowingState, Wanted
from ingest.settings import IngestSettings
from ingest.signing import Signer
from tests import mqtt_peer, signed_configurations
from tests.enrolled_gateways import running_signer
from tests.integration.ingest.conftest import Home, add_home

pytestmark = [pytest.mark.db, pytest.mark.broker]

BOX = "gw-boxbox01"
CUFF = "AA:BB:CC:DD:EE:07"
WANTED = Wanted((AllowedPeripheral(CUFF, name="Kitchen"),))
CONSOLE, INGEST = "homevitals_console", "homevitals_ingest"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    folder = tmp_path_factory.mktemp("s")
    with running_signer(SignerSettings(folder=folder / "signer", socket=folder / "s.sock")) as one:
        yield one


@dataclass
class Practice:
    """A practice with one gateway, seen through the console's role."""

    home: Home
    database: Any
    signer: Signer

    def make(self, wanted: Wanted = WANTED) -> int:
        with (
            self.database.connect(CONSOLE, self.home.practice_id) as connection,
            connection.cursor() as cur,
        ):
            before = gateway_configurations.latest(cur, self.home.practice_id, BOX)
            made = gateway_configurations.make(
                cur,
                self.home.practice_id,
                BOX,
                wanted,
                based_on=before.number if before else 0,
                signer=self.signer,
                made_by="casey",
                at=datetime.now(UTC),
            )
        return made.number

    def revoke(self) -> None:
        with (
            self.database.connect(CONSOLE, self.home.practice_id) as connection,
            connection.cursor() as cur,
        ):
            fleet.revoke(cur, self.home.practice_id, BOX, datetime.now(UTC))

    def state(self) -> FollowingState:
        with (
            self.database.connect(CONSOLE, self.home.practice_id) as connection,
            connection.cursor() as cur,
        ):
            return gateway_configurations.following(cur, self.home.practice_id, BOX)


@pytest.fixture
def practice(owner: psycopg.Connection[Any], database: Any, signer: Signer) -> Practice:
    with owner.transaction(), owner.cursor() as cur:
        home = add_home(cur, BOX)
    return Practice(home, database, signer)


@pytest.fixture
def settings(
    ingest_settings: Callable[..., IngestSettings], database: Any, broker: Any
) -> Iterator[IngestSettings]:
    yield ingest_settings(database=database.conninfo(INGEST))
    with mqtt_peer.peers(broker, "ingest-1") as [peer]:  # the next test's broker knows nothing
        peer.publish(topics.configuration(BOX), b"", retain=True)


@pytest.fixture
def box(broker: Any, signer: Signer, tmp_path: Path) -> Iterator[GatewaySettings]:
    certificate_file, key_file = broker.credentials(BOX)
    signers = tmp_path / "signers.pem"
    signers.write_bytes(signer.configuration_keys())
    yield GatewaySettings(
        gateway_id=BOX,
        broker_host=broker.host,
        broker_port=broker.port,
        ca_file=broker.ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        state_folder=tmp_path / "box",
        configuration_signers_file=signers,
        time_zone="UTC",
        peripherals=("AA:BB:CC:DD:EE:99",),
    )
    models.add(())


@asynccontextmanager
async def running(box: GatewaySettings) -> AsyncIterator[Following]:
    """Run a gateway's uplink until the block ends."""
    outbox = Outbox(box.state_folder, datetime.now(UTC))
    identities = rotation.opened(box)
    following = Following(box, identities)
    uplink = Uplink(following, identities, outbox, lambda: datetime.now(UTC))
    task = asyncio.create_task(uplink.run())
    try:
        yield following
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outbox.close()


def with_gateway(box: GatewaySettings, condition: Callable[[Following], bool]) -> Following:
    """Run a gateway until something is so."""

    async def run() -> Following:
        async with running(box) as following, asyncio.timeout(30):
            while not await asyncio.to_thread(condition, following):  # noqa: ASYNC110 - it asks a database
                await asyncio.sleep(0.05)
            return following

    return asyncio.run(run())


def retained(broker: Any) -> bytes | None:
    with mqtt_peer.peers(broker, BOX) as [peer]:
        peer.subscribe(topics.configuration(BOX))
        heard = [payload for topic, payload in peer.heard() if topic == topics.configuration(BOX)]
    return heard[-1] if heard else None


def test_a_version_is_followed_and_shown_as_followed(
    practice: Practice, settings: IngestSettings, box: GatewaySettings
) -> None:
    with configuration_courier.running(settings):
        number = practice.make()
        following = with_gateway(box, lambda _: practice.state().applied_number == number)
        assert list(following.plan.peripherals) == [CUFF]
        # The next one reaches it while it runs, in both directions without a restart.
        second = practice.make(Wanted())
        following = with_gateway(box, lambda _: practice.state().applied_number == second)
        assert dict(following.plan.peripherals) == {}


def test_a_gateway_that_was_away_finds_the_latest_version_at_the_broker(
    practice: Practice, settings: IngestSettings, box: GatewaySettings
) -> None:
    with configuration_courier.running(settings):
        practice.make()
        last = practice.make(Wanted((AllowedPeripheral("AA:BB:CC:DD:EE:08"),)))
        assert ports.wait_until(lambda: practice.state().sent_number == last, timeout_s=30)
    # Nobody of the server is there any more, but the broker.
    following = with_gateway(box, lambda one: one.plan.number == last and not one.news.is_set())
    assert list(following.plan.peripherals) == ["AA:BB:CC:DD:EE:08"]
    # What it says waits for the courier.
    with configuration_courier.running(settings):
        assert ports.wait_until(lambda: practice.state().applied_number == last, timeout_s=30)


def test_a_refusal_is_shown_with_its_reason(
    practice: Practice, settings: IngestSettings, box: GatewaySettings, tmp_path: Path
) -> None:
    box.configuration_signers_file.write_text("")
    with configuration_courier.running(settings):
        practice.make()
        with_gateway(box, lambda _: practice.state().refused_reason is not None)
    state = practice.state()
    assert (state.applied_number, state.refused_reason) == (0, ConfigurationRefusal.UNKNOWN_KEY)


def test_a_box_that_lost_what_it_followed_is_sent_it_again(
    practice: Practice, settings: IngestSettings, box: GatewaySettings, broker: Any
) -> None:
    with configuration_courier.running(settings):
        number = practice.make()
        with_gateway(box, lambda _: practice.state().applied_number == number)
        with mqtt_peer.peers(broker, "ingest-2") as [peer]:  # and the broker has lost it as well
            peer.publish(topics.configuration(BOX), b"", retain=True)
        (box.state_folder / "configuration.json").unlink()
        following = with_gateway(box, lambda one: one.plan.number == number)
        assert list(following.plan.peripherals) == [CUFF]


def test_a_revoked_gateways_version_is_taken_back(
    practice: Practice, settings: IngestSettings, broker: Any
) -> None:
    with configuration_courier.running(settings):
        number = practice.make()
        assert ports.wait_until(lambda: practice.state().sent_number == number, timeout_s=30)
        assert retained(broker) is not None
        practice.revoke()
        assert ports.wait_until(lambda: practice.state().sent_number is None, timeout_s=30)
    assert retained(broker) is None


def test_it_goes_on_when_broker_and_database_have_been_away(
    practice: Practice, settings: IngestSettings, broker: Any, owner: psycopg.Connection[Any]
) -> None:
    with configuration_courier.running(settings):
        number = practice.make()
        assert ports.wait_until(lambda: practice.state().sent_number == number, timeout_s=30)
        broker.reload()
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = %s and datname = current_database()",
            (INGEST,),
        )
        second = practice.make(Wanted())
        assert ports.wait_until(lambda: practice.state().sent_number == second, timeout_s=60)


class Refusing:
    """A link whose broker takes nothing."""

    def publish(self, _topic: str, _payload: bytes) -> None:
        raise RuntimeError("not taken")


def test_what_the_broker_has_not_taken_is_not_sent(practice: Practice, database: Any) -> None:
    practice.make()
    with database.connect(INGEST) as connection:
        connection.autocommit = True
        with pytest.raises(RuntimeError):
            configuration_courier.send_due(connection, Refusing(), datetime.now(UTC))  # type: ignore[arg-type]
    assert practice.state().sent_number is None


def heard(payload: bytes, topic: str = topics.configured(BOX)) -> Heard:
    return Heard(topic, payload, 1, 1)


def security_events(owner: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    return owner.execute("select event, detail from ingest.security_event").fetchall()


def test_tampering_that_a_gateway_notices_is_told_once(
    practice: Practice, database: Any, owner: psycopg.Connection[Any]
) -> None:
    forged = ConfigurationAnswer(0, Refused(None, ConfigurationRefusal.BAD_SIGNATURE))
    with database.connect(INGEST) as connection:
        connection.autocommit = True
        for _ in range(2):
            configuration_courier.take_down(
                connection, heard(signed_configuration.encode_answer(forged)), datetime.now(UTC)
            )
    assert security_events(owner) == [("configuration_refused", "the gateway says: bad_signature")]


@pytest.mark.parametrize(
    "said",
    [
        heard(b"{"),
        heard(signed_configuration.encode_answer(ConfigurationAnswer(1)), "hv/1/up/x/configured"),
        heard(
            signed_configuration.encode_answer(ConfigurationAnswer(1)),
            topics.configured("gw-nobody00"),
        ),
    ],
    ids=["no answer", "no topic", "nobody"],
)
def test_what_says_nothing_changes_nothing(practice: Practice, database: Any, said: Heard) -> None:
    with database.connect(INGEST) as connection:
        connection.autocommit = True
        configuration_courier.take_down(connection, said, datetime.now(UTC))
    assert practice.state() == gateway_configurations.NEVER_HEARD


def test_a_courier_that_dies_leaves_its_turn_and_its_session_to_another(
    practice: Practice, settings: IngestSettings, box: GatewaySettings
) -> None:
    first, second = threading.Event(), threading.Event()
    workers = [
        threading.Thread(target=configuration_courier._run, args=(settings, stop))
        for stop in (first, second)
    ]
    for worker in workers:
        worker.start()
    try:
        number = practice.make()
        assert ports.wait_until(lambda: practice.state().sent_number == number, timeout_s=30)
        first.set()
        workers[0].join(30)
        with_gateway(box, lambda _: practice.state().applied_number == number)
    finally:
        first.set()
        second.set()
        for worker in workers:
            worker.join(30)


def test_the_link_says_that_the_broker_is_away(settings: IngestSettings) -> None:
    link = CourierLink(replace(settings, broker_port=ports.free_port()))
    with pytest.raises(configuration_courier.errors.BrokerAway), contextlib.closing(link):
        link.open()


def test_forged_messages_reach_no_gateway(broker: Any) -> None:
    """Only ingest may speak on these topics; tests/broker_crossings.py has all the others."""
    forged = signed_configurations.message(signed_configurations.configuration())
    with mqtt_peer.peers(broker, "gw-bbbbbbbb") as [intruder]:
        assert intruder.publish(topics.configuration(BOX), forged, retain=True).is_failure
