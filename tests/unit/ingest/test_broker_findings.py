from __future__ import annotations

from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware_profiles import wire
from ingest import broker_findings
from ingest.broker_findings import WAITING_MESSAGES, WHAT_TO_SET, BrokerFault, Promise, Trial
from ingest.consumer import SESSION_EXPIRY_S


def connack(**said: Any) -> dict[str, Any]:
    """Return properties in the form that paho gives them."""
    properties = Properties(PacketTypes.CONNACK)
    for name, content in said.items():
        setattr(properties, name, content)
    found: dict[str, Any] = properties.json()
    return found


def test_silence_promises_everything() -> None:
    assert Promise.of({}) == Promise.of(connack()) == Promise()
    assert broker_findings.judge_promise(Promise()) == []


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"MaximumPacketSize": wire.MAX_PAYLOAD_BYTES}, BrokerFault.SMALL_PACKETS),
        ({"MaximumQoS": 0}, BrokerFault.LOW_QOS),
        ({"ReceiveMaximum": 9}, BrokerFault.FEW_IN_FLIGHT),
        ({"RetainAvailable": 0}, BrokerFault.NO_RETAINED),
        ({"WildcardSubscriptionAvailable": 0}, BrokerFault.NO_WILDCARDS),
        ({"SharedSubscriptionAvailable": 0}, BrokerFault.NO_SHARED_SUBSCRIPTIONS),
        ({"SessionExpiryInterval": 3600}, BrokerFault.FORGETS_SESSIONS),
    ],
)
def test_what_a_broker_says_that_it_does_not_do_is_a_finding(
    said: dict[str, int], fault: BrokerFault
) -> None:
    (finding,) = broker_findings.judge_promise(Promise.of(connack(**said)))
    assert finding.fault is fault


def test_what_is_just_enough_is_no_finding() -> None:
    said = connack(
        MaximumPacketSize=wire.MAX_PAYLOAD_BYTES + 1024,
        MaximumQoS=1,
        ReceiveMaximum=10,
        RetainAvailable=1,
        WildcardSubscriptionAvailable=1,
        SharedSubscriptionAvailable=1,
        SessionExpiryInterval=SESSION_EXPIRY_S,
    )
    assert broker_findings.judge_promise(Promise.of(said)) == []


@pytest.mark.parametrize(
    ("trial", "faults"),
    [
        (Trial(), []),
        (Trial(is_heard=False, small_count=0, has_large=False), [BrokerFault.CANARY_REFUSED]),
        (Trial(is_remembered=False, small_count=0), [BrokerFault.FORGETS_SESSIONS]),
        (Trial(small_count=WAITING_MESSAGES - 1), [BrokerFault.DROPS_WAITING]),
        (Trial(small_count=1020, has_large=False), [BrokerFault.DROPS_WAITING]),
        (Trial(has_large=False), [BrokerFault.DROPS_LARGE]),
    ],
)
def test_the_trial_shows_the_fault_that_explains_the_others(
    trial: Trial, faults: list[BrokerFault]
) -> None:
    assert [finding.fault for finding in broker_findings.judge_trial(trial)] == faults


def test_every_fault_says_what_to_set() -> None:
    assert set(WHAT_TO_SET) == set(BrokerFault)
    findings = broker_findings.judge_promise(Promise(qos=0, has_retained=False))
    told = broker_findings.refusal(findings)
    assert "takes QoS 0 only: allow QoS 1 (max_qos)" in told
    assert "retain_available" in told
