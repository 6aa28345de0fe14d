"""EMQX's configuration for 5.8 and later (5.9, 6.x), from ``deploy/broker_rules.py``.

It has not been run on EMQX: no EMQX is at hand where this is developed. The tests evaluate ``acl.conf`` by EMQX's rules
as its source has them (apps/emqx_auth/src/emqx_authz/emqx_authz_rule.erl and apps/emqx/src/emqx_topic.erl, 5.8.9 and
the master branch of August 2026) on the same table of crossings that Mosquitto is run with.

What differs from Mosquitto:

* Identity options belong to zones, so each listener has a zone of its own.
* The authentication compares name and zone, so a certificate of one authority is of no use at the other's listener
  even if its name were wrong.
* EMQX reads no revocation list from a file. It fetches one from the distribution point (http) that a certificate
  names, and ours name none, so ``enable_crl_check`` stays off. A revoked gateway has to be banned in EMQX (HTTP API
  ``/api/v5/banned``) and disconnected (``/api/v5/clients/{id}``). The guard does not do that. Until somebody does,
  what a revoked gateway sends is refused by ingest alone.
* A client id of no length is replaced by the certificate's name rather than refused.
* EMQX counts waiting messages, not bytes, and drops the oldest above the number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import broker_rules
from deploy.broker_rules import Act, Identity, Listener, Rule
from deploy.broker_settings import BrokerSettings

# Where EMQX has no “as many as there are”: a day of one practice's readings, several times over.
_MANY_MESSAGES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """What EMQX is given: ``configuration_file`` is included in emqx.conf."""

    configuration_file: Path
    access_list_file: Path


def access_list() -> str:
    """Return the text of acl.conf: Erlang terms, the first that matches decides, and the last refuses everybody.

    A rule names its clients by a regular expression, so a certificate whose name is not of the grammar matches none:
    EMQX 5.8 puts a name into a topic whatever characters it has.
    """
    lines = ["%% Written by “homevitals broker config”: change the settings, not this file."]
    for identity in Identity:
        lines += [_term(rule) for rule in broker_rules.rules_of(identity)]
    lines.append("{deny, all}.")
    return "\n".join(lines) + "\n"


def configuration(settings: BrokerSettings, access_list_file: Path) -> str:
    """Return the text (HOCON) of zones, listeners, authentication and authorization."""
    lines = [
        "## Written by “homevitals broker config”: change the settings, not this file.",
        # The listeners that EMQX opens by itself know no certificates.
        *(f"listeners.{kind}.default.enable = false" for kind in ("tcp", "ssl", "ws", "wss")),
    ]
    for listener in broker_rules.LISTENERS:
        lines += [*_zone(listener), *_listener(listener, settings)]
    lines += [*_authentication(), *_authorization(access_list_file)]
    return "\n".join(lines) + "\n"


def write_files(folder: Path, settings: BrokerSettings) -> BrokerFiles:
    """Write homevitals.conf and acl.conf into ``folder``, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    access_list_file = folder / "acl.conf"
    access_list_file.write_text(access_list(), encoding="utf-8")
    configuration_file = folder / "homevitals.conf"
    configuration_file.write_text(configuration(settings, access_list_file), encoding="utf-8")
    return BrokerFiles(configuration_file, access_list_file)


def _term(rule: Rule) -> str:
    who = '{username, {re, "' + _anchored(rule.identity) + '"}}'
    if rule.act is Act.PUBLISH:
        retained = "all" if rule.may_retain else "false"
        what = "{publish, [{qos, [0, 1]}, {retain, " + retained + "}]}"
    else:
        what = "subscribe"
    return f'{{allow, {who}, {what}, ["{rule.topic_of("${username}")}"]}}.'


def _anchored(identity: Identity) -> str:
    # \z, because $ also stands before a line break at the end; doubled, because this goes into a string.
    return rf"\\A{broker_rules.NAME_PATTERNS[identity]}\\z"


def _zone(listener: Listener) -> list[str]:
    limits = broker_rules.LIMITS
    most = listener.max_waiting_messages
    return [
        "",
        f"zones.{listener.name}.mqtt {{",
        "  peer_cert_as_username = cn",
        f"  peer_cert_as_clientid = {'cn' if listener.client_id_is_name else 'disabled'}",
        f"  max_packet_size = {limits.max_packet_bytes // 1024}KB",
        f"  max_qos_allowed = {limits.max_qos}",
        f"  max_inflight = {limits.max_inflight_messages}",
        f"  max_mqueue_len = {_MANY_MESSAGES if most is None else most}",
        "  mqueue_store_qos0 = false",
        f"  session_expiry_interval = {limits.session_expiry_d}d",
        f"  server_keepalive = {limits.keepalive_s}",
        f"  wildcard_subscription = {str(not listener.client_id_is_name).lower()}",
        # Ingest workers share the gateways' messages; nobody else has anything to share.
        f"  shared_subscription = {str(not listener.client_id_is_name).lower()}",
        "  exclusive_subscription = false",
        "  retain_available = true",
        "}",
    ]


def _listener(listener: Listener, settings: BrokerSettings) -> list[str]:
    is_gateways = listener is broker_rules.GATEWAYS
    if is_gateways:
        bind = f"{settings.gateway_address}:{settings.gateway_port}"
        authority_file, most = settings.gateway_authority_file, settings.max_gateways
    else:
        bind = f"{settings.service_address}:{settings.service_port}"
        authority_file, most = settings.service_authority_file, settings.max_services
    return [
        "",
        f"listeners.ssl.{listener.name} {{",
        f"  bind = {_text(bind)}",
        f"  zone = {listener.name}",
        f"  max_connections = {most}",
        "  enable_authn = true",
        "  ssl_options {",
        f"    cacertfile = {_text(authority_file)}",
        f"    certfile = {_text(settings.certificate_file)}",
        f"    keyfile = {_text(settings.key_file)}",
        "    verify = verify_peer",
        "    fail_if_no_peer_cert = true",
        "    versions = [tlsv1.3, tlsv1.2]",
        "    enable_crl_check = false",
        "  }",
        "}",
    ]


def _authentication() -> list[str]:
    """Return the check of name and zone; its last line refuses, because EMQX lets in whom no check knows."""
    checks = []
    for listener in broker_rules.LISTENERS:
        for identity in sorted(listener.identities):
            conditions = [
                f"str_eq(zone, '{listener.name}')",
                f"regex_match(cert_common_name, '{_anchored(identity)}')",
            ]
            if listener.client_id_is_name:
                conditions.append("str_eq(clientid, cert_common_name)")
            checks.append(_check(conditions, "allow"))
    checks.append(_check(["str_eq('everybody', 'everybody')"], "deny"))
    return ["", "authentication = [{", "  mechanism = cinfo", "  checks = [", *checks, "  ]", "}]"]


def _check(conditions: Iterable[str], outcome: str) -> str:
    written = ", ".join(f'"{condition}"' for condition in conditions)
    return f"    {{ is_match = [{written}], result = {outcome} }}"


def _authorization(access_list_file: Path) -> list[str]:
    return [
        "",
        "authorization {",
        "  no_match = deny",
        # A gateway whose rights do not fit goes on with those that do; the PUBACK tells it.
        "  deny_action = ignore",
        "  sources = [{",
        "    type = file",
        "    enable = true",
        f"    path = {_text(access_list_file)}",
        "  }]",
        "}",
    ]


def _text(content: str | Path) -> str:
    # A string of JSON is one of HOCON too.
    return json.dumps(str(content), ensure_ascii=False)
