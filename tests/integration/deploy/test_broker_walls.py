"""What a certificate lets its owner do at Mosquitto, and what not."""

from __future__ import annotations

import gc
import queue
import ssl
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy import broker_rules, certificates
from tests.broker_crossings import (
    ALLOWED_TO_HEAR,
    ALLOWED_TO_PUBLISH,
    FORBIDDEN_TO_HEAR,
    FORBIDDEN_TO_PUBLISH,
    ROGUE_NAMES,
    A,
    B,
)
from tests.mqtt_peer import Peer, Refused, peers

# paho leaves the socket of a failed handshake to the garbage collector.
pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Forge = Callable[..., tuple[Path, Path]]


@pytest.fixture(autouse=True)
def _sockets_of_failed_handshakes() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def forge(broker: Any, tmp_path: Path) -> Forge:
    """Sign with the gateway authority's own key what that authority would never sign."""
    folder = broker.folder / "gateway-ca"
    key = serialization.load_pem_private_key((folder / "authority-1.key").read_bytes(), None)
    issuer = x509.load_pem_x509_certificate((folder / "authority-1.pem").read_bytes())
    assert isinstance(key, ec.EllipticCurvePrivateKey)

    def forged(name: str, ends_in: timedelta = timedelta(days=1)) -> tuple[Path, Path]:
        own = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about names of no length
            attribute = x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([attribute]))
            .issuer_name(issuer.subject)
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + ends_in)
            .sign(key, hashes.SHA256())
        )
        files = tmp_path / "forged.pem", tmp_path / "forged.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        certificates.write_private(files[1], own)
        return files

    return forged


@pytest.fixture
def listeners(broker: Any) -> Iterator[dict[str, Peer]]:
    """Everybody who may hear anything, listening to all of it."""
    with peers(broker, B, "ingest-1", "ingest-2") as opened:
        found = dict(zip((B, "ingest-1", "ingest-2"), opened, strict=True))
        for name, topic in ALLOWED_TO_HEAR:
            if name in found:
                found[name].subscribe(topic)
        for peer in opened:
            peer.heard()  # what was retained
        yield found


@pytest.mark.parametrize("retain", [False, True], ids=["plain", "retained"])
@pytest.mark.parametrize(("name", "topic"), FORBIDDEN_TO_PUBLISH)
def test_a_forbidden_message_is_refused_and_reaches_nobody(
    broker: Any, listeners: dict[str, Peer], name: str, topic: str, retain: bool
) -> None:
    # Some versions of Mosquitto, Debian 12's for one, close the connection after such an answer.
    with peers(broker, name) as [intruder]:
        assert intruder.publish(topic, b"forbidden", retain=retain).getName() == "Not authorized"
    others = {who: peer for who, peer in listeners.items() if who != name}
    assert {who: peer.heard() for who, peer in others.items()} == {who: [] for who in others}
    with peers(broker, "ingest-1", B) as late:
        for peer, wanted in zip(
            late, ("hv/1/up/+/readings", f"hv/1/down/{B}/receipts"), strict=True
        ):
            peer.subscribe(wanted)
            assert peer.heard() == []


@pytest.mark.parametrize(("name", "wanted"), FORBIDDEN_TO_HEAR)
def test_a_forbidden_subscription_brings_nothing(broker: Any, name: str, wanted: str) -> None:
    # Mosquitto grants a forbidden subscription and filters what it delivers: only silence proves the wall.
    with peers(broker, name) as [curious]:
        curious.subscribe(wanted)
        for sender, topic, retain in ALLOWED_TO_PUBLISH:
            if sender == name:
                assert not curious.publish(topic, b"own", retain=retain).is_failure
                continue
            with peers(broker, sender) as [talker]:
                assert not talker.publish(topic, b"for others", retain=retain).is_failure
        own = {topic for who, topic in ALLOWED_TO_HEAR if who == name}
        assert {topic for topic, _ in curious.heard()} <= own


@pytest.mark.parametrize(("name", "topic", "retain"), ALLOWED_TO_PUBLISH)
def test_what_is_needed_is_allowed(broker: Any, name: str, topic: str, retain: bool) -> None:
    with peers(broker, name) as [peer]:
        assert not peer.publish(topic, b"allowed", retain=retain).is_failure


@pytest.mark.parametrize(("name", "topic"), ALLOWED_TO_HEAR)
def test_what_is_needed_is_heard(broker: Any, name: str, topic: str) -> None:
    sent = topic.replace("+", A)
    sender = next(who for who, where, _ in ALLOWED_TO_PUBLISH if where == sent)
    with peers(broker, name) as [peer]:
        peer.subscribe(topic)
        with peers(broker, *([sender] if sender != name else [])) as others:
            assert not (others[0] if others else peer).publish(sent, b"news").is_failure
            assert (sent, b"news") in peer.heard()


def test_claiming_a_neighbours_names_changes_nothing(broker: Any) -> None:
    with peers(broker, B) as [neighbour]:
        impostor = Peer(broker, A, client_id=B, user_name=B)
        assert not impostor.publish(f"hv/1/up/{A}/readings").is_failure
        impostor.subscribe(f"hv/1/down/{B}/receipts")
        with peers(broker, "ingest-1") as [ingest]:
            assert not ingest.publish(f"hv/1/down/{B}/receipts").is_failure
        assert impostor.heard() == []
        assert impostor.publish(f"hv/1/up/{B}/readings").is_failure
        assert neighbour.heard() == []  # and is still connected
        impostor.close()


@pytest.mark.parametrize("name", [A, "ingest-1"])
def test_a_client_id_of_no_length_is_refused(broker: Any, name: str) -> None:
    with pytest.raises(Refused):
        Peer(broker, name, client_id="")


def test_a_will_in_a_neighbours_name_is_never_spoken(
    broker: Any, listeners: dict[str, Peer]
) -> None:
    Peer(broker, A, will=(f"hv/1/up/{B}/status", b"false")).vanish()
    Peer(broker, "gw-cccccccc", will=("hv/1/up/gw-cccccccc/status", b"true")).vanish()
    assert listeners["ingest-2"].next("message").payload == b"true"
    with peers(broker, "gw-cccccccc") as [itself]:
        itself.publish("hv/1/up/gw-cccccccc/status", b"", retain=True)


@pytest.mark.parametrize(
    ("name", "listener"), [(A, "service_port"), ("ingest-1", "port"), ("guard-1", "port")]
)
def test_each_listener_trusts_its_own_authority_alone(
    broker: Any, name: str, listener: str
) -> None:
    with pytest.raises(Refused):
        Peer(broker, name, port=getattr(broker, listener))


@pytest.mark.parametrize("listener", ["port", "service_port"])
def test_a_strangers_certificate_is_refused(broker: Any, tmp_path: Path, listener: str) -> None:
    stranger = certificates.ThrowAwayAuthority(tmp_path, datetime.now(UTC)).credentials("ingest-1")
    with pytest.raises(Refused):
        Peer(
            broker,
            A,
            files=(stranger.certificate_file, stranger.key_file),
            port=getattr(broker, listener),
        )


@pytest.mark.parametrize("listener", ["port", "service_port"])
def test_without_a_certificate_there_is_no_connection(broker: Any, listener: str) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, A, protocol=mqtt.MQTTv5)
    client.tls_set(str(broker.ca_file))
    connected: queue.Queue[str] = queue.Queue()
    client.on_connect = lambda *_: connected.put("connected")
    client.on_disconnect = lambda *_: connected.put("refused")
    try:
        client.connect(broker.host, getattr(broker, listener))
        client.loop_start()
        assert connected.get(timeout=5) == "refused"
    except (ssl.SSLError, ConnectionError):
        pass
    finally:
        client.loop_stop()


def test_an_expired_certificate_is_refused(broker: Any, forge: Forge) -> None:
    Peer(broker, A, files=forge(A)).close()
    with pytest.raises(Refused):
        Peer(broker, A, files=forge(A, ends_in=timedelta(seconds=-1)))


def test_a_revoked_certificate_is_refused_and_its_neighbours_is_not(broker: Any) -> None:
    broker.revoke("gw-dddddddd")
    try:
        broker.reload()
        with pytest.raises(Refused):
            Peer(broker, "gw-dddddddd")
        Peer(broker, A).close()
    finally:
        broker.revoke()
        broker.reload()
    Peer(broker, "gw-dddddddd").close()


@pytest.mark.parametrize("name", ROGUE_NAMES, ids=repr)
def test_a_name_that_could_be_a_pattern_does_no_harm(
    broker: Any, listeners: dict[str, Peer], forge: Forge, name: str
) -> None:
    # Not even the authority's own mistake opens a neighbour's branch.
    files = forge(name)
    try:
        for _, topic, retain in ALLOWED_TO_PUBLISH:
            rogue = Peer(broker, A, files=files)
            rogue.publish(topic, b"forbidden", retain=retain)
            rogue.close()
        rogue = Peer(broker, A, files=files)
    except Refused:
        return
    for _, topic in ALLOWED_TO_HEAR:
        rogue.subscribe(topic)
    rogue.subscribe("#")
    assert not listeners["ingest-1"].publish(f"hv/1/down/{B}/receipts", b"for B").is_failure
    assert rogue.heard() == []
    assert listeners[B].heard() == [(f"hv/1/down/{B}/receipts", b"for B")]
    assert listeners["ingest-1"].heard() == []
    assert listeners["ingest-2"].heard() == []
    rogue.close()


def test_a_packet_above_the_limit_costs_its_sender_the_connection(
    broker: Any, listeners: dict[str, Peer]
) -> None:
    peer = Peer(broker, A)
    peer.client.publish(f"hv/1/up/{A}/readings", bytes(broker_rules.LIMITS.max_packet_bytes), qos=1)
    peer.next("disconnect")
    assert listeners["ingest-1"].heard() == []
    largest = bytes(broker_rules.LIMITS.max_packet_bytes - 200)
    with peers(broker, A) as [again]:
        assert not again.publish(f"hv/1/up/{A}/readings", largest).is_failure
    assert listeners["ingest-1"].heard() == [(f"hv/1/up/{A}/readings", largest)]


def test_a_client_of_mqtt_3_crosses_nothing_either(broker: Any, listeners: dict[str, Peer]) -> None:
    # Mosquitto 2.0 lets it in and answers a refused message as if it were accepted; 2.1 is told to keep it out.
    for who, topic in FORBIDDEN_TO_PUBLISH:
        if who == A:
            old = Peer(broker, A, protocol=MQTTProtocolVersion.MQTTv311)
            old.publish(topic, b"forbidden", retain=True)
            old.close()
    old = Peer(broker, A, protocol=MQTTProtocolVersion.MQTTv311)
    old.subscribe("#")
    assert not listeners["ingest-1"].publish(f"hv/1/down/{B}/receipts", b"for B").is_failure
    own = {topic for who, topic in ALLOWED_TO_HEAR if who == A}  # what the broker keeps for it
    assert {topic for topic, _ in old.heard()} <= own
    assert listeners[B].heard() == [(f"hv/1/down/{B}/receipts", b"for B")]
    assert listeners["ingest-1"].heard() == listeners["ingest-2"].heard() == []
    old.close()


def test_starting_again_loses_nothing_that_waits(broker: Any) -> None:
    away = Peer(broker, "ingest-2", session_expiry_s=3600)
    away.subscribe("hv/1/up/+/readings")
    away.close()
    for number in range(3):
        with peers(broker, A) as [gateway]:
            assert not gateway.publish(f"hv/1/up/{A}/readings", bytes([number])).is_failure
        broker.reload()
    back = Peer(broker, "ingest-2", session_expiry_s=3600)
    assert back.session_present
    assert [back.next("message").payload for _ in range(3)] == [b"\0", b"\1", b"\2"]
    back.close()
    Peer(broker, "ingest-2").close()  # forgets the session
