"""What a broker does not do that ingest relies on: from what it says, and from a trial. Pure.

Brokers drop silently: Mosquitto keeps a thousand messages for a client that is away and forgets the
rest, unless it is told otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from firmware_profiles import wire
from ingest.consumer import SESSION_EXPIRY_S

# More than Mosquitto keeps by default: 1000 in the queue and 20 on their way. Source: mosquitto.conf(5), 2.0.
WAITING_MESSAGES: Final = 1500
LARGE_BYTES: Final = wire.MAX_PAYLOAD_BYTES
_ENVELOPE_BYTES: Final = 1024  # topic, properties and header around the largest payload
_LEAST_IN_FLIGHT: Final = 10  # with fewer, receipts wait for one round trip after another


class BrokerFault(StrEnum):
    """What a broker does not do; the closed list."""

    SMALL_PACKETS = "small_packets"
    LOW_QOS = "low_qos"
    FEW_IN_FLIGHT = "few_in_flight"
    NO_RETAINED = "no_retained"
    NO_WILDCARDS = "no_wildcards"
    NO_SHARED_SUBSCRIPTIONS = "no_shared_subscriptions"
    FORGETS_SESSIONS = "forgets_sessions"
    CANARY_REFUSED = "canary_refused"
    DROPS_WAITING = "drops_waiting"
    DROPS_LARGE = "drops_large"


# What to set, for Mosquitto by name; “homevitals broker config” writes all of it.
WHAT_TO_SET: Final[Mapping[BrokerFault, str]] = {
    BrokerFault.SMALL_PACKETS: f"allow packets of {LARGE_BYTES + _ENVELOPE_BYTES} bytes (max_packet_size)",
    BrokerFault.LOW_QOS: "allow QoS 1 (max_qos)",
    BrokerFault.FEW_IN_FLIGHT: f"allow {_LEAST_IN_FLIGHT} messages in flight (max_inflight_messages)",
    BrokerFault.NO_RETAINED: "allow retained messages (retain_available)",
    BrokerFault.NO_WILDCARDS: "allow subscriptions with wildcards",
    BrokerFault.NO_SHARED_SUBSCRIPTIONS: "allow shared subscriptions",
    BrokerFault.FORGETS_SESSIONS: (
        f"keep sessions for {SESSION_EXPIRY_S // 86_400} days (persistent_client_expiration)"
    ),
    BrokerFault.CANARY_REFUSED: "let the worker read and write its own canary topic (access list)",
    BrokerFault.DROPS_WAITING: "let as many messages wait as there are (max_queued_messages 0)",
    BrokerFault.DROPS_LARGE: f"pass payloads of {LARGE_BYTES} bytes (message_size_limit, max_queued_bytes)",
}


@dataclass(frozen=True, slots=True)
class BrokerFinding:
    """One thing that the broker does not do, in numbers."""

    fault: BrokerFault
    found: str

    @property
    def what_to_set(self) -> str:
        """Return what would mend it."""
        return WHAT_TO_SET[self.fault]


@dataclass(frozen=True, slots=True)
class Promise:
    """What a broker says when it accepts a connection.

    The defaults are what silence means. Source: MQTT 5.0, section 3.2.2.3.

    Attributes:
        packet_bytes: the longest packet it takes; None for any.
        receive_maximum: messages with QoS 1 that it takes without having acknowledged them.
        session_expiry_s: how long it keeps the session, seconds; None for as long as it was asked.
    """

    packet_bytes: int | None = None
    receive_maximum: int = 65_535
    qos: int = 2
    session_expiry_s: int | None = None
    has_retained: bool = True
    has_wildcards: bool = True
    has_shared_subscriptions: bool = True

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Promise:
        """Read the properties of a CONNACK, by paho's names for them."""
        return cls(
            packet_bytes=said.get("MaximumPacketSize"),
            receive_maximum=said.get("ReceiveMaximum", 65_535),
            qos=said.get("MaximumQoS", 2),
            session_expiry_s=said.get("SessionExpiryInterval"),
            has_retained=bool(said.get("RetainAvailable", 1)),
            has_wildcards=bool(said.get("WildcardSubscriptionAvailable", 1)),
            has_shared_subscriptions=bool(said.get("SharedSubscriptionAvailable", 1)),
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of the messages that had to wait.

    Attributes:
        is_heard: whether the probe may hear its canary topic at all.
        is_remembered: whether the session was there when the probe came back.
        small_count: how many of the small messages came.
        has_large: whether the large one came.
    """

    is_heard: bool = True
    is_remembered: bool = True
    small_count: int = WAITING_MESSAGES
    has_large: bool = True


def judge_promise(promise: Promise) -> list[BrokerFinding]:
    """Return what the broker says that it does not do."""
    packet_bytes, expiry_s = promise.packet_bytes, promise.session_expiry_s
    return [
        BrokerFinding(fault, found)
        for fault, is_at_fault, found in (
            (
                BrokerFault.SMALL_PACKETS,
                packet_bytes is not None and packet_bytes < LARGE_BYTES + _ENVELOPE_BYTES,
                f"takes packets of up to {packet_bytes} bytes",
            ),
            (BrokerFault.LOW_QOS, promise.qos < 1, "takes QoS 0 only"),
            (
                BrokerFault.FEW_IN_FLIGHT,
                promise.receive_maximum < _LEAST_IN_FLIGHT,
                f"takes {promise.receive_maximum} messages at once",
            ),
            (BrokerFault.NO_RETAINED, not promise.has_retained, "retains no message"),
            (BrokerFault.NO_WILDCARDS, not promise.has_wildcards, "knows no wildcards"),
            (
                BrokerFault.NO_SHARED_SUBSCRIPTIONS,
                not promise.has_shared_subscriptions,
                "shares no subscription among workers",
            ),
            (
                BrokerFault.FORGETS_SESSIONS,
                expiry_s is not None and expiry_s < SESSION_EXPIRY_S,
                f"keeps a session for {expiry_s} s",
            ),
        )
        if is_at_fault
    ]


def judge_trial(trial: Trial) -> list[BrokerFinding]:
    """Return what the trial has shown; of several faults the one that explains the others."""
    if not trial.is_heard:
        return [BrokerFinding(BrokerFault.CANARY_REFUSED, "does not pass on the canary topic")]
    if not trial.is_remembered:
        return [BrokerFinding(BrokerFault.FORGETS_SESSIONS, "forgot a session after a second")]
    findings = []
    if trial.small_count < WAITING_MESSAGES:
        found = f"kept {trial.small_count} of {WAITING_MESSAGES} messages that had to wait"
        findings.append(BrokerFinding(BrokerFault.DROPS_WAITING, found))
    elif not trial.has_large:  # behind a full queue it says nothing
        findings.append(
            BrokerFinding(BrokerFault.DROPS_LARGE, f"lost a payload of {LARGE_BYTES} bytes")
        )
    return findings


def refusal(findings: Sequence[BrokerFinding]) -> str:
    """Say in one sentence what the broker does not do and what to set."""
    told = "; ".join(f"{finding.found}: {finding.what_to_set}" for finding in findings)
    return f"the broker loses what ingest relies on: {told}"
