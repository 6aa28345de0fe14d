"""MQTT topics of wire format v1: ``hv/<version>/<direction>/<gateway>/<branch>``.

A topic carries an opaque gateway id and nothing about a patient, a practice or a kind of device.
The broker's access list is written on these shapes, with the gateway id taken from the client
certificate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_profiles import errors

GATEWAY_ID_PATTERN: Final = r"gw-[a-z0-9]{8}"

UP_FILTER: Final = "hv/1/up/+/readings"
# Each message goes to one of the sessions of this name. Source: MQTT 5.0, 4.8.2.
SHARED_UP_FILTER: Final = f"$share/ingest/{UP_FILTER}"
STATUS_FILTER: Final = "hv/1/up/+/status"
CONFIGURED_FILTER: Final = "hv/1/up/+/configured"


class Branch(StrEnum):
    """What a topic is for."""

    READINGS = "readings"
    STATUS = "status"
    RECEIPTS = "receipts"
    CONFIGURATION = "configuration"
    CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart."""

    gateway_id: str
    branch: Branch


_DIRECTION: Final = {
    Branch.READINGS: "up",
    Branch.STATUS: "up",
    Branch.RECEIPTS: "down",
    Branch.CONFIGURATION: "down",
    Branch.CONFIGURED: "up",
}
_GATEWAY_ID: Final = re.compile(GATEWAY_ID_PATTERN)
_GRAMMAR: Final = re.compile(rf"hv/1/(up|down)/({GATEWAY_ID_PATTERN})/({'|'.join(Branch)})")


def readings(gateway_id: str) -> str:
    """Name the topic on which a gateway publishes its batches of records."""
    return _topic(gateway_id, Branch.READINGS)


def status(gateway_id: str) -> str:
    """Name the retained topic on which a gateway (or its last will) says whether it is online."""
    return _topic(gateway_id, Branch.STATUS)


def receipts(gateway_id: str) -> str:
    """Name the topic on which ingest tells a gateway which records are safe."""
    return _topic(gateway_id, Branch.RECEIPTS)


def configuration(gateway_id: str) -> str:
    """Name the retained topic on which the server tells a gateway what it may connect to, and how."""
    return _topic(gateway_id, Branch.CONFIGURATION)


def configured(gateway_id: str) -> str:
    """Name the topic on which a gateway says which configuration it follows, and why not the last one."""
    return _topic(gateway_id, Branch.CONFIGURED)


def parse(topic: str) -> Topic:
    """Take a topic apart.

    Raises:
        WireError: `bad_topic` for anything that the functions above do not produce.
    """
    found = _GRAMMAR.fullmatch(topic)
    if found is None or found[1] != _DIRECTION[Branch(found[3])]:
        raise errors.WireError(
            errors.WireReason.BAD_TOPIC,
            "the topic is not hv/1/<up|down>/<gateway>/<branch>; check the sender's version",
        )
    return Topic(gateway_id=found[2], branch=Branch(found[3]))


def _topic(gateway_id: str, branch: Branch) -> str:
    # An id with a slash or a wildcard would address somebody else's topic.
    if _GATEWAY_ID.fullmatch(gateway_id) is None:
        raise errors.WireError(
            errors.WireReason.BAD_TOPIC,
            'a gateway id is "gw-" and eight lower-case letters or digits',
        )
    return f"hv/1/{_DIRECTION[branch]}/{gateway_id}/{branch}"
