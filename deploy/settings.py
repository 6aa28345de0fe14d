"""The settings of what deploy runs, and all sections of the server's settings file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from alerts.channels.email.settings import EmailSettings
from alerts.channels.sms.settings import SmsSettings
from alerts.channels.webhook.settings import WebhookSettings
from alerts.measures import Severity
from alerts.notify_settings import NotifySettings
from alerts.settings import AlertsSettings
from ccm_link.care_record.ehr_settings import EhrSettings
from ccm_link.settings import CcmLinkSettings
from deploy.broker_settings import BrokerSettings, GuardSettings
from firmware_profiles.settings import setting
from ingest.audit_settings import AuditSettings
from ingest.settings import IngestSettings


@dataclass(frozen=True, slots=True)
class DeploySettings:
    """How ``deploy/up`` runs the system on one machine."""

    console_port: int = setting(0, help="port of the console on 127.0.0.1; 0 takes a free one")
    broker_port: int = setting(0, help="port of the broker on 127.0.0.1; 0 takes a free one")
    pace: float = setting(
        1.0,
        minimum=0.01,
        help="how many times faster than their files say the virtual homes measure",
    )
    check_pace: float = setting(5.0, minimum=0.01, help="the same in “up --check”")

    def wanted_ports(self) -> dict[str, int]:
        """Return the ports that the settings fix, by name."""
        ports = {"console": self.console_port, "broker": self.broker_port}
        return {name: port for name, port in ports.items() if port != 0}


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """What happens by the clock."""

    database: str = setting(
        "dbname=homevitals user=homevitals_scheduler", help="libpq connection string"
    )
    months_ahead: int = setting(
        3, help="how many months of partitions are made ahead (plain PostgreSQL only)"
    )
    keep_readings_years: int = setting(
        0,
        unit="years",
        choices=(0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30),
        help="age at which readings and their daily summaries are deleted, in whole months; 0 keeps them for ever. "
        "Deleting health data is a decision: look up how long your law and your payers want records kept",
    )
    queue_alarm_s: float = setting(
        60.0,
        unit="s",
        help="age of evaluation work above which the log says that the evaluator is behind",
    )
    notify_alarm_s: float = setting(
        60.0,
        unit="s",
        help="age of a call or message that is due above which the log says that the notifier is behind",
    )
    silent_gateway_h: float = setting(
        26.0,
        unit="h",
        help="silence after which a gateway is reported: a day and a bit, as cuffs are used daily",
    )
    outbox_gap_h: float = setting(
        1.0,
        unit="h",
        minimum=0.0,
        help="how long a number of a gateway's outbox may be missing before the log says so; gateways send again "
        "within minutes",
    )
    keep_heartbeats_days: float = setting(
        90.0,
        unit="days",
        minimum=1.0,
        help="how long it is kept how gateways were: one row an hour, and one for each change",
    )
    month_hour: int = setting(
        3,
        minimum=-1,
        maximum=23,
        help="hour of each practice's own clocks from which on its months are worked out for the lists, once a day; "
        "uses [ccm_link] database and billing_tables; -1 never does it",
    )
    former_month_days: int = setting(
        10,
        unit="days",
        minimum=0,
        maximum=28,
        help="in how many first days of a month the former one is worked out too, while its last entries come in;"
        " later only if it never was",
    )
    fall_back_urgent_minutes: int = setting(
        15,
        unit="min",
        minimum=1,
        help="how long nobody may work on an urgent task that somebody has taken on, before it is given back to the "
        "worklist and whoever is responsible is told; ours, no guideline",
    )
    fall_back_clinical_minutes: int = setting(
        240, unit="min", minimum=1, help="the same of clinical tasks"
    )
    fall_back_other_hours: int = setting(
        48, unit="h", minimum=1, help="the same of missed readings and of technical tasks"
    )

    overdue_clinical_hours: int = setting(
        4,
        unit="h",
        minimum=0,
        help="how long after its due time a clinical task is marked overdue, shown behind the urgent ones, and, where "
        "no alert made it, given back to whoever can do it; urgent ones at once; ours, no guideline",
    )
    overdue_other_hours: int = setting(
        24,
        unit="h",
        minimum=0,
        help="the same of missed readings, technical and other planned tasks",
    )

    @property
    def overdue_after(self) -> dict[Severity, timedelta]:
        """How long after its due time a task is marked overdue, by severity."""
        others = timedelta(hours=self.overdue_other_hours)
        return {
            Severity.URGENT: timedelta(0),
            Severity.CLINICAL: timedelta(hours=self.overdue_clinical_hours),
            Severity.OUTREACH: others,
            Severity.TECHNICAL: others,
        }

    @property
    def fall_back_after(self) -> dict[Severity, timedelta]:
        """How long a task that was taken on may be left alone, by severity."""
        others = timedelta(hours=self.fall_back_other_hours)
        return {
            Severity.URGENT: timedelta(minutes=self.fall_back_urgent_minutes),
            Severity.CLINICAL: timedelta(minutes=self.fall_back_clinical_minutes),
            Severity.OUTREACH: others,
            Severity.TECHNICAL: others,
        }


@dataclass(frozen=True, slots=True)
class SignerSettings:
    """The process that has the gateway authority's key."""

    folder: Path = setting(
        Path("/var/lib/homevitals/signer"),
        help="folder of the gateway authority: its keys, its certificates and the log of what it signed; "
        "nobody but the signer's user may read it",
    )
    socket: Path = setting(
        Path("/run/homevitals/signer.sock"),
        help="unix socket on which the console and the guard ask",
    )
    socket_for_group: bool = setting(
        False,
        help="let the socket's group ask too (mode 660 instead of 600), where console and guard run as other users",
    )


@dataclass(frozen=True, slots=True)
class ProfilesSettings:
    """What is known about peripherals besides what we ship."""

    folder: Path = setting(
        Path(),
        help="folder with a site's own device profiles (*.toml), the same that its gateways have; not set: none",
    )


SECTIONS: Final[dict[str, type[Any]]] = {
    "ingest": IngestSettings,
    "alerts": AlertsSettings,
    "notify": NotifySettings,
    "email": EmailSettings,
    "sms": SmsSettings,
    "webhook": WebhookSettings,
    "ccm_link": CcmLinkSettings,
    "ehr": EhrSettings,
    "audit": AuditSettings,
    "scheduler": SchedulerSettings,
    "deploy": DeploySettings,
    "broker": BrokerSettings,
    "guard": GuardSettings,
    "signer": SignerSettings,
    "profiles": ProfilesSettings,
}
