"""What is looked at: the settings, and the running gateway's own word if there is one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from firmware_profiles import wire
from firmware_profiles.errors import WireError
from gateway import control_client, errors, health, outbox_file
from gateway.doctor.finding import Finding, fault, ok, warning
from gateway.settings import GatewaySettings

_ANSWERS_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Examined:
    """What is looked at.

    Attributes:
        settings: all of them.
        now: this machine's clock, aware UTC.
        is_held: whether a process holds the outbox, so that nothing may be tried out in its place.
        word: what the running gateway says of itself; None if none answers.
        silence: why it does not answer.
    """

    settings: GatewaySettings
    now: datetime
    is_held: bool
    word: wire.GatewayStatus | None
    silence: str


def look(settings: GatewaySettings, now: datetime) -> Examined:
    """Ask the running gateway how it is, if there is one."""
    is_held = outbox_file.is_held(settings.state_folder)
    try:
        with control_client.asking(
            settings.state_folder, {"do": health.REQUEST}, _ANSWERS_WITHIN_S
        ) as request:
            answer = request.next_line().get("answer")
        members = answer.get("status") if isinstance(answer, dict) else None
        word = wire.decode_status(json.dumps(members).encode())
    except (errors.ControlError, errors.GatewayAwayError) as error:
        return Examined(settings, now, is_held, None, str(error))
    except WireError as error:
        return Examined(settings, now, is_held, None, f"its answer is unreadable: {error}")
    return Examined(settings, now, is_held, word, "")


def service(examined: Examined) -> list[Finding]:
    """Say whether the gateway runs, and whether it answers."""
    if examined.word is not None and examined.word.health is not None:
        started_at = examined.word.health.machine.started_at
        return [ok("service", f"runs since {started_at:%Y-%m-%d %H:%M} UTC")]
    if examined.is_held:
        return [
            fault(
                "service",
                f"a gateway works here and does not answer: {examined.silence}",
                "look at “journalctl -u homevitals-gateway”; if it hangs, “systemctl restart homevitals-gateway”",
            )
        ]
    return [
        warning(
            "service",
            "does not run; what follows is looked at without it",
            "start it: “systemctl start homevitals-gateway”, and look at its log if it ends again",
        )
    ]


def user(examined: Examined) -> list[Finding]:
    """Say whether this user sees what the gateway sees."""
    folder = examined.settings.state_folder
    if not folder.exists():
        return []
    owner = folder.stat().st_uid
    if os.geteuid() in {0, owner}:
        return []
    return [
        warning(
            "user",
            "this is not the user that the gateway runs as: some things cannot be looked at",
            "run the doctor with sudo",
        )
    ]
