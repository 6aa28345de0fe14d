"""EMQX's files. EMQX itself is not here: its decision is worked out by its documented rules."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import emqx
from deploy.broker_settings import BrokerSettings
from tests.broker_crossings import (
    ALLOWED_TO_HEAR,
    ALLOWED_TO_PUBLISH,
    FORBIDDEN_TO_HEAR,
    FORBIDDEN_TO_PUBLISH,
    ROGUE_NAMES,
)
from tests.unit.deploy import emqx_rules

RULES = emqx_rules.terms(emqx.access_list())
SETTINGS = BrokerSettings(gateway_port=18883, service_port=18884, max_gateways=77)


@pytest.mark.parametrize("retain", [False, True], ids=["plain", "retained"])
@pytest.mark.parametrize(("name", "topic"), FORBIDDEN_TO_PUBLISH)
def test_a_forbidden_message_is_refused(name: str, topic: str, retain: bool) -> None:
    assert emqx_rules.decides(RULES, name, "publish", topic, retain=retain) == "deny"


@pytest.mark.parametrize(("name", "wanted"), FORBIDDEN_TO_HEAR)
def test_a_forbidden_subscription_is_refused(name: str, wanted: str) -> None:
    assert emqx_rules.decides(RULES, name, "subscribe", wanted) == "deny"


@pytest.mark.parametrize(("name", "topic", "retain"), ALLOWED_TO_PUBLISH)
def test_what_is_needed_is_allowed(name: str, topic: str, retain: bool) -> None:
    assert emqx_rules.decides(RULES, name, "publish", topic, retain=retain) == "allow"


@pytest.mark.parametrize(("name", "topic"), ALLOWED_TO_HEAR)
def test_what_is_needed_is_heard(name: str, topic: str) -> None:
    assert emqx_rules.decides(RULES, name, "subscribe", topic) == "allow"


@pytest.mark.parametrize("topic", ["readings", "receipts", "configured"])
def test_of_a_gateway_only_a_status_may_be_retained(topic: str) -> None:
    assert (
        emqx_rules.decides(
            RULES, "gw-aaaaaaaa", "publish", f"hv/1/up/gw-aaaaaaaa/{topic}", retain=True
        )
        == "deny"
    )


@pytest.mark.parametrize("name", ROGUE_NAMES, ids=repr)
def test_a_name_that_could_be_a_pattern_matches_no_rule(name: str) -> None:
    for _, topic, retain in ALLOWED_TO_PUBLISH:
        assert emqx_rules.decides(RULES, name, "publish", topic, retain=retain) == "deny"
    for _, topic in [*ALLOWED_TO_HEAR, ("", f"hv/1/down/{name}/receipts")]:
        assert emqx_rules.decides(RULES, name, "subscribe", topic) == "deny"


@pytest.mark.parametrize(
    ("rules", "name", "act", "topic", "decision"),
    [
        ('{allow, all, subscribe, ["a/+"]}.', "x", "subscribe", "a/#", "allow"),
        ('{allow, all, subscribe, ["a/+/b"]}.', "x", "subscribe", "a/#", "no match"),
        ('{allow, all, all, ["#"]}.', "x", "subscribe", "$SYS/#", "no match"),
        ('{allow, all, all, ["#"]}.', "x", "subscribe", "$share/g/a", "allow"),
        ('{deny, all, all, [{eq, "#"}]}. {allow, all}.', "x", "subscribe", "#", "deny"),
        ('{deny, all, all, [{eq, "#"}]}. {allow, all}.', "x", "subscribe", "a", "allow"),
        ("{allow, all}. {deny, all}.", "x", "publish", "a", "allow"),
        ('{allow, {username, "y"}, all, ["#"]}.', "x", "publish", "a", "no match"),
        ('{allow, all, publish, ["u/${username}/a"]}.', "+", "publish", "u/y/a", "allow"),
        ('{allow, all, publish, ["a/#"]}.', "x", "publish", "a", "allow"),
    ],
)
def test_the_evaluator_has_emqxs_semantics(
    rules: str, name: str, act: str, topic: str, decision: str
) -> None:
    assert emqx_rules.decides(emqx_rules.terms(rules), name, act, topic) == decision


def test_the_last_rule_refuses_everybody() -> None:
    assert RULES[-1] == (emqx_rules.Atom("deny"), emqx_rules.Atom("all"))


def blocks(text: str) -> dict[str, str]:
    """Return the top-level blocks of HOCON as we write it, by name."""
    found = re.findall(r"^([\w.]+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def test_each_listener_has_its_authority_and_its_zone() -> None:
    found = blocks(emqx.configuration(SETTINGS, Path("/etc/acl.conf")))
    gateways, services = found["listeners.ssl.gateways"], found["listeners.ssl.services"]
    for block, zone, port in ((gateways, "gateways", 18883), (services, "services", 18884)):
        assert f"zone = {zone}\n" in block
        assert f':{port}"\n' in block
        assert "verify = verify_peer\n" in block
        assert "fail_if_no_peer_cert = true\n" in block
    assert str(SETTINGS.gateway_authority_file) in gateways
    assert str(SETTINGS.service_authority_file) in services
    assert '"127.0.0.1:' in services
    assert "max_connections = 77\n" in gateways
    assert "peer_cert_as_username = cn\n" in found["zones.gateways.mqtt"]
    assert "peer_cert_as_clientid = cn\n" in found["zones.gateways.mqtt"]
    assert "peer_cert_as_username = cn\n" in found["zones.services.mqtt"]
    assert "peer_cert_as_clientid = disabled\n" in found["zones.services.mqtt"]
    assert "no_match = deny\n" in found["authorization"]


def test_listeners_without_certificates_are_closed() -> None:
    text = emqx.configuration(SETTINGS, Path("/etc/acl.conf"))
    for kind in ("tcp", "ssl", "ws", "wss"):
        assert f"listeners.{kind}.default.enable = false\n" in text


def test_the_authentication_ends_with_a_refusal() -> None:
    text = emqx.configuration(SETTINGS, Path("/etc/acl.conf"))
    checks = re.findall(r"\{ is_match = \[(.*)\], result = (\w+) \}", text)
    assert [result for _, result in checks] == ["allow", "allow", "allow", "deny"]
    gateways = next(conditions for conditions, _ in checks if "'gateways'" in conditions)
    assert "str_eq(clientid, cert_common_name)" in gateways
    assert r"'\\Agw-[a-z0-9]{8}\\z'" in gateways


def test_a_path_cannot_end_its_string(tmp_path: Path) -> None:
    odd = replace(SETTINGS, crl_file=tmp_path, key_file=Path('/a"b\n/key'))
    assert r'keyfile = "/a\"b\n/key"' in emqx.configuration(odd, tmp_path)
