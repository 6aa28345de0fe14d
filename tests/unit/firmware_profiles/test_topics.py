from __future__ import annotations

import pytest

from firmware_profiles import topics
from firmware_profiles.errors import WireError, WireReason
from firmware_profiles.topics import Branch, Topic

GATEWAY = "gw-ab12cd34"


@pytest.mark.parametrize(
    ("topic", "text", "branch"),
    [
        (topics.readings(GATEWAY), "hv/1/up/gw-ab12cd34/readings", Branch.READINGS),
        (topics.status(GATEWAY), "hv/1/up/gw-ab12cd34/status", Branch.STATUS),
        (topics.receipts(GATEWAY), "hv/1/down/gw-ab12cd34/receipts", Branch.RECEIPTS),
        (
            topics.configuration(GATEWAY),
            "hv/1/down/gw-ab12cd34/configuration",
            Branch.CONFIGURATION,
        ),
        (topics.configured(GATEWAY), "hv/1/up/gw-ab12cd34/configured", Branch.CONFIGURED),
    ],
)
def test_topic_comes_back_when_parsed(topic: str, text: str, branch: Branch) -> None:
    assert topic == text
    assert topics.parse(topic) == Topic(gateway_id=GATEWAY, branch=branch)


def test_filters_are_the_topics_with_a_wildcard() -> None:
    assert topics.readings(GATEWAY).replace(GATEWAY, "+") == topics.UP_FILTER
    assert topics.status(GATEWAY).replace(GATEWAY, "+") == topics.STATUS_FILTER
    assert topics.configured(GATEWAY).replace(GATEWAY, "+") == topics.CONFIGURED_FILTER


@pytest.mark.parametrize(
    "topic",
    [
        pytest.param("", id="empty"),
        pytest.param("hv/2/up/gw-ab12cd34/readings", id="version"),
        pytest.param("hv/1/up/gw-ab12cd34/readings/x", id="extra level"),
        pytest.param("hv/1/up/gw-ab12cd34", id="level missing"),
        pytest.param("/hv/1/up/gw-ab12cd34/readings", id="leading slash"),
        pytest.param("hv/1/down/gw-ab12cd34/readings", id="readings going down"),
        pytest.param("hv/1/up/gw-ab12cd34/receipts", id="receipts going up"),
        pytest.param("hv/1/up/gw-ab12cd34/configuration", id="a configuration going up"),
        pytest.param("hv/1/down/gw-ab12cd34/configured", id="an answer going down"),
        pytest.param("hv/1/up/gw-AB12CD34/readings", id="upper case"),
        pytest.param("hv/1/up/gw-ab12cd3/readings", id="short id"),
        pytest.param("hv/1/up/+/readings", id="wildcard"),
        pytest.param("hv/1/up/gw-ab12cd34/readings\n", id="line end"),
        pytest.param("hv/1/up/gw-ab12cd3\u0664/readings", id="digit that is not ASCII"),
    ],
)
def test_refuses_when_topic_is_not_in_the_grammar(topic: str) -> None:
    with pytest.raises(WireError) as caught:
        topics.parse(topic)
    assert caught.value.reason is WireReason.BAD_TOPIC


@pytest.mark.parametrize("gateway_id", ["+", "#", "gw-ab12cd34/x", "", "gw-ab12cd34\n"])
def test_refuses_to_name_a_topic_when_id_would_address_another(gateway_id: str) -> None:
    with pytest.raises(WireError):
        topics.readings(gateway_id)
