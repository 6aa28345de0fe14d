"""What the console is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ccm_link.minutes.time_entry import Limits
from firmware_profiles.settings import setting


@dataclass(frozen=True, slots=True)
class CcmLinkSettings:
    """Settings of section ``ccm_link``."""

    database: str = setting(
        "dbname=homevitals user=homevitals_console",
        help="PostgreSQL connection string of the role homevitals_console",
    )
    entrance_database: str = setting(
        "dbname=homevitals user=homevitals_entrance",
        help="PostgreSQL connection string of the role homevitals_entrance, which finds out who is at "
        "the door and nothing else",
    )
    host: str = setting("127.0.0.1", help="address that the console listens on")
    port: int = setting(8080, minimum=0, maximum=65535, help="port that the console listens on")
    public_url: str = setting(
        "",
        help="address under which browsers reach the console, for example "
        "https://vitals.example.org, where a proxy with TLS stands before it; empty serves this "
        "machine alone, over http",
    )
    proxy_address: str = setting(
        "",
        help="address of the proxy that stands before the console; the audit trail and the limits on "
        "requests then take the browser's address from its X-Forwarded-For. Empty: there is none",
    )
    timer_limit_minutes: int = setting(
        120,
        unit="min",
        minimum=1,
        maximum=480,
        help="a timer that has run longer asks when the work really ended before it is stored",
    )
    timer_idle_minutes: int = setting(
        15,
        unit="min",
        minimum=0,
        maximum=480,
        help="where nothing was seen of somebody for longer while their timer ran, it is cut at the last sign of work "
        "and waits; 0 never cuts",
    )
    billing_tables: Path = setting(
        Path(),
        help="folder with this site's own billing tables, overlays of payers, fees and charges; empty: ours alone",
    )
    require_second_factor: bool = setting(
        False,
        help="ask people with passwords for a second factor also where the console serves this machine alone; with "
        "public_url it is always asked for",
    )
    secrets_key_file: Path = setting(
        Path("/etc/homevitals/console-secrets.keys"),
        help="keys that seal the secrets of second factors, one a line, each 32 random bytes in base64; the first "
        "seals, all open, so a new one goes to the top. Without it nobody can set up a second factor",
        secret_file=True,
    )
    breached_passwords_file: str = setting(
        "",
        help="SHA-1 hashes of breached passwords, sorted, one a line with anything after a colon, as Have I Been Pwned "
        "offers them; empty checks new passwords against a short packaged list alone",
    )
    ehrs: tuple[str, ...] = setting(
        (),
        help="names of the EHRs, of the files in the folder of [ehr], with which practices may connect themselves",
    )
    openid_secrets_folder: str = setting(
        "",
        help="folder with the client secrets of practices whose OpenID provider gave one, each in a file named as the "
        "practice's short name; empty: the console is a public client",
    )

    @property
    def asks_second_factor(self) -> bool:
        """Whether a password alone signs nobody in."""
        return self.require_second_factor or bool(self.public_url)

    gateway_broker_host: str = setting(
        "",
        help="name under which gateways reach the broker, told to them when they enrol; it has to stand in the "
        "broker's certificate. Empty: gateways cannot enrol here",
    )
    gateway_broker_port: int = setting(
        8883, minimum=1, maximum=65535, help="port of the broker's listener for gateways"
    )
    service_authority_file: Path = setting(
        Path("/etc/homevitals/service-authority.pem"),
        help="certificate (PEM) of the authority that signed the broker's certificate; gateways get it when they enrol",
    )
    signer_socket: Path = setting(
        Path("/run/homevitals/signer.sock"),
        help="unix socket of the signer, which signs for gateways",
    )

    @property
    def timer_limits(self) -> Limits:
        """When a timer is not believed."""
        idle = timedelta(minutes=self.timer_idle_minutes)
        return Limits(timedelta(minutes=self.timer_limit_minutes), idle or None)
