"""The rules themselves: no name can be a pattern, and every topic of the wire format has its speaker and hearer."""

from __future__ import annotations

import re

import pytest

from deploy import broker_rules
from deploy.broker_rules import Act, Identity
from firmware_profiles import topics, wire


@pytest.mark.parametrize("pattern", broker_rules.NAME_PATTERNS.values())
@pytest.mark.parametrize(
    "character", ["/", "+", "#", "$", "%", "{", " ", "\n", "\0", "é", "A", '"']
)
def test_no_name_holds_a_character_that_means_something(pattern: str, character: str) -> None:
    for name in ("gw-aaaaaaaa", "ingest-12", "guard-12"):
        for odd in (f"{character}{name[1:]}", f"{name[:-1]}{character}", name + character):
            assert re.fullmatch(pattern, odd) is None


def test_no_name_is_of_two_kinds() -> None:
    for name in ("gw-aaaaaaaa", "ingest-1", "guard-1"):
        assert (
            sum(
                re.fullmatch(pattern, name) is not None
                for pattern in broker_rules.NAME_PATTERNS.values()
            )
            == 1
        )


def test_a_name_stands_for_a_whole_level() -> None:
    for rule in broker_rules.RULES:
        assert all(
            level == broker_rules.OWN_NAME or broker_rules.OWN_NAME not in level
            for level in rule.topic.split("/")
        )


@pytest.mark.parametrize(
    ("topic", "speaker", "hearer"),
    [
        (topics.readings("gw-aaaaaaaa"), Identity.GATEWAY, Identity.INGEST),
        (topics.status("gw-aaaaaaaa"), Identity.GATEWAY, Identity.INGEST),
        (topics.receipts("gw-aaaaaaaa"), Identity.INGEST, Identity.GATEWAY),
        (topics.configuration("gw-aaaaaaaa"), Identity.INGEST, Identity.GATEWAY),
        (topics.configured("gw-aaaaaaaa"), Identity.GATEWAY, Identity.INGEST),
    ],
)
def test_every_topic_has_one_kind_of_speaker_and_one_of_hearer(
    topic: str, speaker: Identity, hearer: Identity
) -> None:
    found = {
        (rule.act, rule.identity)
        for rule in broker_rules.RULES
        if re.fullmatch(rule.topic_of("gw-aaaaaaaa").replace("+", "[^/]+"), topic)
    }
    assert found == {(Act.PUBLISH, speaker), (Act.SUBSCRIBE, hearer)}


def test_the_largest_message_fits_into_a_packet() -> None:
    assert broker_rules.LIMITS.max_packet_bytes > wire.MAX_PAYLOAD_BYTES + 1000


def test_every_identity_has_its_door() -> None:
    doors = [identity for listener in broker_rules.LISTENERS for identity in listener.identities]
    assert sorted(doors) == sorted(Identity)
