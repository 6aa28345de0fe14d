"""The gateway's settings: section ``[gateway]`` of its file, or ``HOMEVITALS_GATEWAY_…`` in the environment."""

from __future__ import annotations

import os
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from firmware_profiles import errors as leaf_errors
from firmware_profiles import settings as declaration
from firmware_profiles import topics
from firmware_profiles.settings import REQUIRED, setting
from gateway import enrolment_server, errors
from gateway.outbox_limits import Limits

SECTION: Final = "gateway"
PLATFORM: Final = "platform"
BUMBLE: Final = "bumble"

STATE_FOLDER: Final = Path("/var/lib/homevitals-gateway")
NOT_SET: Final = Path()
# Given by hand, all of them, or none: then the identity in the state folder has them.
BY_HAND: Final = ("gateway_id", "broker_host", "ca_file", "certificate_file", "key_file")

_ADAPTER: Final = re.compile(r"hci[0-9]{1,4}")
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_ADDRESS: Final = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Everything one gateway must be told."""

    gateway_id: str = setting(
        "",
        help="who this gateway is: “gw-” and eight of a-z, 0-9; equals the certificate's common name. With broker_host,"
        " ca_file, certificate_file and key_file, or without all five: then they come from the enrolment",
    )
    broker_host: str = setting(
        "", help="host name or address of the MQTT broker, as in its certificate; see gateway_id"
    )
    broker_port: int = setting(
        8883,
        minimum=1,
        maximum=65535,
        help="TLS port of the MQTT broker; after an enrolment the server says it",
    )
    ca_file: Path = setting(
        NOT_SET,
        help="certificates (PEM) of the authority that signed the broker's; see gateway_id",
    )
    certificate_file: Path = setting(
        NOT_SET, help="this gateway's certificate (PEM); see gateway_id"
    )
    key_file: Path = setting(
        NOT_SET,
        secret_file=True,
        help="private key (PEM) of the certificate; nobody else may read it; see gateway_id",
    )
    enrolment_server: str = setting(
        "",
        help="https address of the server that enrols this gateway and renews its certificate; empty: the one that"
        " enrolled it",
    )
    enrolment_authority_file: Path = setting(
        NOT_SET,
        help="certificates (PEM) that the enrolment server's is checked against; not set: those of the enrolment, or"
        " the system's",
    )
    remote_configuration: bool = setting(
        True,
        help="whether the server may say which peripherals are connected to, by which profiles and at which pace; its"
        " list then takes the place of `peripherals`",
    )
    configuration_signers_file: Path = setting(
        NOT_SET,
        help="public keys (PEM) of the server's signer, for a gateway whose identity is given by hand; the others learn"
        " them when they enrol and renew",
    )
    state_folder: Path = setting(
        STATE_FOLDER,
        help="outbox, its key, identity and Bluetooth bonds; back it up or lose what waits",
    )
    time_zone: str = setting(
        REQUIRED,
        help="IANA name of the zone in which the home's clocks run, for example America/New_York",
    )
    peripherals: tuple[str, ...] = setting(
        (),
        help="Bluetooth addresses that may be connected to; every other advertiser is ignored and counted. Not used"
        " once the server has sent a list (see remote_configuration)",
    )
    passkeys_file: Path = setting(
        NOT_SET,
        secret_file=True,
        help='codes of peripherals that pair with one, noted beforehand: lines like "AA:BB:CC:DD:EE:FF" = "123456";'
        " nobody else may read it; other codes are asked for by “homevitals-gateway pair”",
    )
    adapter: str = setting(
        PLATFORM,
        choices=(PLATFORM, BUMBLE),
        help="Bluetooth by the operating system, or by bumble in user space; for a cuff that sends unasked and deletes"
        " what it has sent take bumble",
    )
    profile_folder: Path = setting(
        NOT_SET, help="folder with this site's own device profiles (*.toml); not set: none"
    )
    platform_adapters: tuple[str, ...] = setting(
        (),
        help="adapters for “platform”, for example hci0 and hci1; each listens and connects on its own, and a"
        " peripheral belongs to the one that it was paired with. Empty: the first one",
    )
    radio_silence_s: float = setting(
        3600.0,
        unit="s",
        minimum=0,
        help="after so long without any advertisement, of whomever, an adapter counts as hanging and is switched off"
        " and on; 0: never",
    )
    hci_transport: str = setting(
        "usb:0",
        help="controller for “bumble”: usb:0, hci-socket:0, serial:/dev/…, tcp-client:HOST:PORT",
    )
    revisit_after_s: float = setting(
        5.0,
        unit="s",
        minimum=0,
        help="pause before a peripheral is asked again after a good conversation",
    )
    resend_after_s: float = setting(
        15.0,
        unit="s",
        minimum=0.1,
        help="wait for a receipt before a record is sent again; doubles up to 15 minutes",
    )
    keep_receipted_days: float = setting(
        7.0,
        unit="days",
        minimum=0,
        help="how long a receipted record stays, for a server restored from a backup",
    )
    outbox_max_mib: float = setting(
        64.0,
        unit="MiB",
        minimum=1,
        maximum=100_000,
        help="room that records without a receipt may take; from then on peripherals are not asked and keep theirs. A"
        " thousand records take about half a MiB",
    )
    outbox_max_days: float = setting(
        180.0,
        unit="days",
        minimum=1,
        maximum=3650,
        help="how long records may wait while the server takes nothing at all; from then on peripherals are not asked"
        " and keep theirs",
    )
    status_every_s: float = setting(
        60.0, unit="s", minimum=1, help="how often the gateway says that it is online"
    )
    home_assistant_host: str = setting(
        "",
        help="the household's own MQTT broker, for its Home Assistant; empty: Home Assistant is told nothing",
    )
    home_assistant_port: int = setting(
        1883, minimum=1, maximum=65535, help="its port; with TLS often 8883"
    )
    home_assistant_ca_file: Path = setting(
        NOT_SET,
        help="certificates (PEM) that its own is checked against; not set: without TLS, and without readings unless it"
        " runs on this machine",
    )
    home_assistant_user: str = setting("", help="name to sign in there with; empty: none is needed")
    home_assistant_password_file: Path = setting(
        NOT_SET, secret_file=True, help="file with the password of home_assistant_user"
    )
    home_assistant_readings: bool = setting(
        False,
        help="whether the household wants readings in its Home Assistant, and not only how gateway and peripherals are;"
        " whoever may read its broker then sees them",
    )
    log_level: str = setting(
        "info", choices=("debug", "info", "warning", "error"), help="least severe log line"
    )

    def outbox_limits(self) -> Limits:
        """Return how much the outbox may hold."""
        return Limits(int(self.outbox_max_mib * 2**20), timedelta(days=self.outbox_max_days))


def load(toml_text: str, environ: Mapping[str, str]) -> declaration.Loaded[GatewaySettings]:
    """Return the settings: environment over file over default.

    Raises:
        ConfigurationError: with every mistake in the file and in the environment.
    """
    try:
        loaded = declaration.load_text(toml_text, {SECTION: GatewaySettings}, environ)[SECTION]
    except leaf_errors.SettingsError as error:
        raise errors.ConfigurationError(str(error)) from error
    problems = _problems(loaded.settings)
    if problems:
        raise errors.ConfigurationError("\n".join(problems))
    return loaded


def require_files(settings: GatewaySettings) -> None:
    """Refuse to start without the files that the settings name, or with a key that everybody may read.

    Raises:
        ConfigurationError: one of them is not there, may not be read, or may be read by others.
    """
    named = [
        (name, getattr(settings, name)) for name in ("ca_file", "certificate_file", "key_file")
    ]
    named.append(("enrolment_authority_file", settings.enrolment_authority_file))
    problems = [
        f"[gateway] {name}: {path} is not a file that this user may read"
        for name, path in named
        if path != NOT_SET and not (path.is_file() and os.access(path, os.R_OK))
    ]
    # A group may share it: that is how some systems hand keys to services.
    if settings.key_file.is_file() and settings.key_file.stat().st_mode & 0o007:
        problems.append(
            f"[gateway] key_file: everybody on this machine may read {settings.key_file}:"
            f" run “chmod 600 {settings.key_file}”"
        )
    if problems:
        raise errors.ConfigurationError("\n".join(problems))


def _problems(settings: GatewaySettings) -> list[str]:
    problems = _by_hand_problems(settings)
    if settings.gateway_id and not re.fullmatch(topics.GATEWAY_ID_PATTERN, settings.gateway_id):
        problems.append("[gateway] gateway_id: expected “gw-” and eight of a-z, 0-9")
    if settings.time_zone not in zoneinfo.available_timezones():
        problems.append("[gateway] time_zone: expected an IANA name such as America/New_York")
    if settings.enrolment_server:
        try:
            enrolment_server.at(settings.enrolment_server, None)
        except errors.ConfigurationError as error:
            problems.append(f"[gateway] enrolment_server: {error}")
    problems += [
        f"[gateway] platform_adapters: “{name}” is not a name like hci0"
        for name in settings.platform_adapters
        if not _ADAPTER.fullmatch(name)
    ]
    problems += _home_assistant_problems(settings)
    problems += [
        f"[gateway] peripherals: “{address}” is not an address like AA:BB:CC:DD:EE:FF (capitals)"
        for address in settings.peripherals
        if not _ADDRESS.fullmatch(address)
    ]
    return problems


def _home_assistant_problems(settings: GatewaySettings) -> list[str]:
    is_here = settings.home_assistant_host in _THIS_MACHINE
    problems = []
    if settings.home_assistant_readings and not settings.home_assistant_host:
        problems.append("[gateway] home_assistant_readings: expected home_assistant_host beside it")
    elif settings.home_assistant_readings and not (
        is_here or settings.home_assistant_ca_file != NOT_SET
    ):
        problems.append(
            "[gateway] home_assistant_readings: readings leave this machine over TLS only: give home_assistant_ca_file"
        )
    if settings.home_assistant_password_file != NOT_SET and not settings.home_assistant_user:
        problems.append(
            "[gateway] home_assistant_password_file: expected home_assistant_user beside it"
        )
    return problems


def _by_hand_problems(settings: GatewaySettings) -> list[str]:
    missing = [name for name in BY_HAND if getattr(settings, name) in {"", NOT_SET}]
    if not missing or len(missing) == len(BY_HAND):
        return []
    every, absent = ", ".join(BY_HAND), ", ".join(missing)
    return [
        f"[gateway] {absent} missing: give all of {every}, or none of them and enrol the gateway"
    ]
