"""Who may do what at the broker, and how much of it: the one source of every broker's configuration.

An identity is the common name of a client certificate. Gateways come through a listener that trusts the gateway
authority and takes the certificate's name as the client id too, so that none can take another's session. Services come
through a listener of their own, on loopback or inside the server's network, that trusts the service authority. There
the client id is free, because the guard ends a revoked gateway's session by taking its client id over.

What no rule allows is refused. ``deploy/mosquitto.py`` and ``deploy/emqx.py`` write this down in the language of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_profiles import topics, wire

# Stands in a topic for the common name of whoever connects; always a whole level.
OWN_NAME: Final = "{name}"
_ANY: Final = "+"


class Identity(StrEnum):
    """What kind of client a certificate's name stands for."""

    GATEWAY = "gateway"
    INGEST = "ingest"
    GUARD = "guard"


# Regular expressions without anchors. No slash, plus, hash or dollar can stand in a name: brokers put it into topics.
NAME_PATTERNS: Final = {
    Identity.GATEWAY: topics.GATEWAY_ID_PATTERN,
    Identity.INGEST: r"ingest-[0-9]{1,3}",
    Identity.GUARD: r"guard-[0-9]{1,3}",
}


class Act(StrEnum):
    """What is done with a topic."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


@dataclass(frozen=True, slots=True)
class Rule:
    """One permission.

    Attributes:
        identity: Whose.
        act: Publish to the topic, or subscribe to it and receive from it.
        topic: Topic or filter; ``OWN_NAME`` in it is the client's own name.
        may_retain: Whether the broker may keep the last message published.
    """

    identity: Identity
    act: Act
    topic: str
    may_retain: bool = False

    def topic_of(self, name: str) -> str:
        """Return the topic as it is for one client, or for a broker's own placeholder."""
        return self.topic.replace(OWN_NAME, name)


def _shaped(topic_of: Callable[[str], str], level: str) -> str:
    """Return a gateway's topic with something else at the place of the gateway id."""
    sample = "gw-00000000"
    return topic_of(sample).replace(sample, level)


_CANARY: Final = f"hv/1/canary/{OWN_NAME}"

# Guards have no rule: they connect, which ends the other session of that client id, and leave.
RULES: Final = (
    Rule(Identity.GATEWAY, Act.PUBLISH, _shaped(topics.readings, OWN_NAME)),
    Rule(Identity.GATEWAY, Act.PUBLISH, _shaped(topics.status, OWN_NAME), may_retain=True),
    Rule(Identity.GATEWAY, Act.PUBLISH, _shaped(topics.configured, OWN_NAME)),
    Rule(Identity.GATEWAY, Act.SUBSCRIBE, _shaped(topics.receipts, OWN_NAME)),
    Rule(Identity.GATEWAY, Act.SUBSCRIBE, _shaped(topics.configuration, OWN_NAME)),
    Rule(Identity.INGEST, Act.SUBSCRIBE, topics.UP_FILTER),
    Rule(Identity.INGEST, Act.SUBSCRIBE, topics.STATUS_FILTER),
    Rule(Identity.INGEST, Act.SUBSCRIBE, topics.CONFIGURED_FILTER),
    Rule(Identity.INGEST, Act.PUBLISH, _shaped(topics.receipts, _ANY)),
    Rule(Identity.INGEST, Act.PUBLISH, _shaped(topics.configuration, _ANY), may_retain=True),
    Rule(Identity.INGEST, Act.PUBLISH, _CANARY),
    Rule(Identity.INGEST, Act.SUBSCRIBE, _CANARY),
)


@dataclass(frozen=True, slots=True)
class Listener:
    """A door of the broker.

    Attributes:
        name: Its name in configurations.
        identities: Who may come through it.
        client_id_is_name: Whether the certificate's name replaces the client id that a client sends.
        max_waiting_messages: How many messages wait for one client that is away; None for as many as there are.
    """

    name: str
    identities: frozenset[Identity]
    client_id_is_name: bool
    max_waiting_messages: int | None


# A gateway that is away misses receipts only, and gets them again by sending again.
GATEWAYS: Final = Listener(
    "gateways",
    frozenset({Identity.GATEWAY}),
    client_id_is_name=True,
    max_waiting_messages=1000,
)
SERVICES: Final = Listener(
    "services",
    frozenset({Identity.INGEST, Identity.GUARD}),
    client_id_is_name=False,
    max_waiting_messages=None,
)
LISTENERS: Final = (GATEWAYS, SERVICES)


@dataclass(frozen=True, slots=True)
class Limits:
    """Set by hand, because brokers' defaults differ and drop silently.

    Attributes:
        max_packet_bytes: Four times the largest message of the wire format, with room for topic and properties.
        max_qos: No part of the system needs exactly-once: the outbox and the record key make a resend harmless.
        max_inflight_messages: Sent to one client and not acknowledged.
        max_waiting_bytes: What waits for one client that is away, where the broker can count bytes.
        session_expiry_d: How long the broker remembers a client that is away.
        keepalive_s: The longest time without a word from a client.
    """

    max_packet_bytes: int = 4 * wire.MAX_PAYLOAD_BYTES + 65_536
    max_qos: int = 1
    max_inflight_messages: int = 4000
    max_waiting_bytes: int = 268_435_456
    session_expiry_d: int = 30
    keepalive_s: int = 300


LIMITS: Final = Limits()


def rules_of(identity: Identity) -> list[Rule]:
    """Return what one kind of client may do."""
    return [rule for rule in RULES if rule.identity is identity]
