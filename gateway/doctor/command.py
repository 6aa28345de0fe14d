"""``homevitals-gateway doctor``: run all checks and print what they find."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.doctor import (
    examined,
    finding,
    machine_checks,
    outbox_checks,
    radio_checks,
    server_checks,
)
from gateway.doctor.examined import Examined
from gateway.doctor.finding import Finding, Level
from gateway.errors import ExitCode
from gateway.settings import GatewaySettings

# In the order in which a technician wants to know: what is wrong further up explains what is wrong further down.
_CHECKS = {
    "software": machine_checks.software,
    "user": examined.user,
    "settings": machine_checks.files,
    "service": examined.service,
    "clock": machine_checks.clock,
    "disk": machine_checks.disk,
    "temperature": machine_checks.warmth,
    "radio": radio_checks.radio,
    "profiles": machine_checks.profiles,
    "peripherals": outbox_checks.peripherals,
    "certificate": server_checks.certificate,
    "broker": server_checks.broker,
    "outbox": outbox_checks.outbox,
}


def run(options: argparse.Namespace, settings: GatewaySettings) -> ExitCode:
    """Print every finding; FAILURE if one of them is a fault."""
    findings = []
    for found in examine(examined.look(settings, datetime.now(UTC))):
        findings.append(found)
        if not options.json:
            print(finding.as_text(found), flush=True)
    if options.json:
        print(json.dumps([dataclasses.asdict(one) for one in findings], indent=1))
    has_fault = any(one.level is Level.FAULT for one in findings)
    return ExitCode.FAILURE if has_fault else ExitCode.OK


def examine(patient: Examined) -> Iterator[Finding]:
    """Yield what all checks find."""
    return finding.run((name, functools.partial(check, patient)) for name, check in _CHECKS.items())
