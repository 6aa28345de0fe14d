"""The text of Mosquitto's files; what they do is tested with a running one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deploy import errors, mosquitto
from deploy.broker_settings import BrokerSettings

SETTINGS = BrokerSettings(ingest_workers=("ingest-1", "ingest-22"))
ACL = Path("/etc/mosquitto/acl")

# Options by where they may stand. Source: man/mosquitto.conf.5.xml and src/conf.c of 2.0.11 and of 2.1.2.
GENERAL = {
    "allow_anonymous", "allow_zero_length_clientid", "pid_file", "user", "persistence",
    "persistence_location", "autosave_interval", "persistent_client_expiration",
    "max_queued_messages", "max_queued_bytes", "max_inflight_messages", "max_packet_size",
    "max_keepalive", "log_dest", "log_type", "connection_messages", "sys_interval",
    "set_tcp_nodelay",
}  # fmt: skip
OF_A_LISTENER = {
    "protocol", "cafile", "crlfile", "certfile", "keyfile", "tls_version", "require_certificate",
    "use_identity_as_username", "use_username_as_clientid", "max_connections", "max_qos",
}  # fmt: skip
ONLY = {
    (2, 0): ({"acl_file"}, set()),
    (2, 1): ({"global_plugin", "plugin_opt_acl_file"}, {"accept_protocol_versions"}),
}
# Deprecated in 2.1, to go in 3.0.
DEPRECATED = {"acl_file", "password_file", "per_listener_settings", "message_size_limit"}


def parts(version: tuple[int, int]) -> list[dict[str, str]]:
    """Return the options: general ones first, then of each listener."""
    found: list[dict[str, str]] = [{}]
    for line in mosquitto.configuration(SETTINGS, version, ACL).splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, rest = line.partition(" ")
        if name == "listener":
            found.append({})
        found[-1][name] = rest
    return found


@pytest.mark.parametrize("version", list(ONLY), ids=str)
def test_every_option_is_one_of_that_version_at_its_place(version: tuple[int, int]) -> None:
    general, *listeners = parts(version)
    assert set(general) == GENERAL | ONLY[version][0]
    for listener in listeners:
        assert set(listener) - {"listener"} <= OF_A_LISTENER | ONLY[version][1]


def test_nothing_deprecated_is_used_where_it_is_deprecated() -> None:
    for part in parts((2, 1)):
        assert not DEPRECATED & set(part)


@pytest.mark.parametrize("version", [(2, 1), (2, 7), (3, 0)], ids=str)
def test_the_access_list_is_read_by_the_plugin_from_2_1_on(version: tuple[int, int]) -> None:
    text = mosquitto.configuration(SETTINGS, version, ACL)
    assert f"global_plugin {SETTINGS.acl_plugin_file}\nplugin_opt_acl_file {ACL}\n" in text


@pytest.mark.parametrize("version", list(ONLY), ids=str)
def test_gateways_and_services_come_through_doors_of_their_own(version: tuple[int, int]) -> None:
    _, gateways, services = parts(version)
    assert gateways["listener"] == "8883 0.0.0.0"
    assert services["listener"] == "8884 127.0.0.1"
    assert gateways["cafile"] == str(SETTINGS.gateway_authority_file)
    assert gateways["crlfile"] == str(SETTINGS.crl_file)
    assert services["cafile"] == str(SETTINGS.service_authority_file)
    assert gateways["use_username_as_clientid"] == "true"
    assert services["use_username_as_clientid"] == "false"
    for listener in (gateways, services):
        assert listener["require_certificate"] == "true"
        assert listener["use_identity_as_username"] == "true"


def test_old_clients_are_kept_out_where_that_can_be_said() -> None:
    _, gateways, services = parts((2, 1))
    assert gateways["accept_protocol_versions"] == services["accept_protocol_versions"] == "5"


def test_the_access_list_gives_each_what_it_needs() -> None:
    assert mosquitto.access_list(SETTINGS.ingest_workers).splitlines()[1:] == [
        "pattern write hv/1/up/%u/readings",
        "pattern write hv/1/up/%u/status",
        "pattern write hv/1/up/%u/configured",
        "pattern read hv/1/down/%u/receipts",
        "pattern read hv/1/down/%u/configuration",
        *(
            line
            for name in ("ingest-1", "ingest-22")
            for line in (
                "",
                f"user {name}",
                "topic read hv/1/up/+/readings",
                "topic read hv/1/up/+/status",
                "topic read hv/1/up/+/configured",
                "topic write hv/1/down/+/receipts",
                "topic write hv/1/down/+/configuration",
                f"topic write hv/1/canary/{name}",
                f"topic read hv/1/canary/{name}",
            )
        ),
    ]


@pytest.mark.parametrize("name", ["", "ingest-", "ingest-1\ntopic readwrite #", "guard-1", "#"])
def test_a_workers_name_outside_the_grammar_is_refused(name: str) -> None:
    with pytest.raises(errors.ConfigurationError):
        mosquitto.access_list((name,))


def test_a_line_break_in_a_setting_is_refused() -> None:
    odd = replace(SETTINGS, crl_file=Path("/a\nallow_anonymous true"))
    with pytest.raises(errors.ConfigurationError, match="line break"):
        mosquitto.configuration(odd, (2, 0), ACL)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("mosquitto version 2.0.11\n\nmosquitto is an MQTT v5.0/v3.1.1/v3.1 broker.", (2, 0)),
        ("mosquitto version 2.1.2", (2, 1)),
        ("2.1", (2, 1)),
        ("mosquitto version 3.0.0-beta1", (3, 0)),
    ],
)
def test_the_version_is_read_from_what_it_says(text: str, version: tuple[int, int]) -> None:
    assert mosquitto.version_of(text) == version


@pytest.mark.parametrize("text", ["", "mosquitto", "mosquitto version 1.6.12"])
def test_a_version_that_is_unknown_or_too_old_is_refused(text: str) -> None:
    with pytest.raises(errors.MissingProgram):
        mosquitto.version_of(text)


def test_the_access_list_is_not_for_others_to_read(tmp_path: Path) -> None:
    files = mosquitto.write_files(tmp_path, SETTINGS, mosquitto.Program("mosquitto", (2, 1)))
    assert files.access_list_file.stat().st_mode & 0o077 == 0
    assert files.command == ["mosquitto", "-c", str(files.configuration_file)]
