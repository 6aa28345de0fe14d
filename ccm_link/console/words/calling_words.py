"""How the console says who is called, when and why, and what became of it. Pure; English; no markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from alerts.channels.message import Channel
from alerts.errors import Failure
from alerts.ladders import Nobody, Reason, Whom
from alerts.measures import Severity
from alerts.notifications import SentMessage, State
from alerts.on_call import Duty
from ccm_link.task.called_tasks import NeedingTask

CHANNELS: Final = {
    Channel.CONSOLE: "console",
    Channel.EMAIL: "e-mail",
    Channel.SMS: "text message",
    Channel.WEBHOOK: "webhook",
}
DUTIES: Final = {Duty.COVER: "Cover", Duty.CLINICIAN: "Clinician on call"}
WHOM: Final = {
    Whom.OWNER: "Owner of the task",
    Whom.COVER: "Cover",
    Whom.CLINICIAN_ON_CALL: "Clinician on call",
    Whom.PRACTICE_LINE: "Practice line",
}
REASONS: Final = {
    Reason.TIME: "nobody had acknowledged it by then",
    Reason.NOBODY_BEFORE: "the rung before reached nobody",
    Reason.FAILED_BEFORE: "no message of the rung before arrived",
}
NOBODY: Final = {
    Nobody.NO_OWNER: "reached nobody: the task has no owner",
    Nobody.NOBODY_ON_DUTY: "reached nobody: nobody is on duty",
    Nobody.NO_CONTACT: "reached nobody: there is no address for it",
}
FAILURES: Final = {
    Failure.UNREACHABLE: "nothing answered",
    Failure.TIMEOUT: "it took too long",
    Failure.TLS: "no encrypted way",
    Failure.SIGN_IN: "the sign-in was refused",
    Failure.BUSY: "refused for now",
    Failure.REFUSED: "refused for good",
    Failure.REDIRECTED: "it was sent elsewhere",
    Failure.NOT_ALLOWED: "the operator does not let messages go there",
    Failure.SETTINGS: "the channel is not set up",
    Failure.NO_CONTACT: "the address was taken back",
    Failure.UNKNOWN: "a fault of ours",
}


def channels(of: Sequence[Channel]) -> str:
    """Return "console, e-mail"."""
    return ", ".join(CHANNELS[one] for one in of)


def failure(word: str) -> str:
    """Return why a message was not taken, from the stored word."""
    return FAILURES[Failure(word)] if word else ""


def state(of: SentMessage) -> str:
    """Return what became of a message: "sent", "tried 2 times, goes again"."""
    match of.state:
        case State.SENT:
            return "to be seen on every page" if of.channel is Channel.CONSOLE else "sent"
        case State.WITHDRAWN:
            return "not sent any more: somebody had the task"
        case State.GIVEN_UP:
            return f"given up: {failure(of.failure)}"
        case State.QUEUED:
            if not of.attempts:
                return "waits to be sent"
            times = "once" if of.attempts == 1 else f"{of.attempts} times"
            return f"tried {times} and goes again: {failure(of.failure) or 'on its way'}"


def needs(tasks: Sequence[NeedingTask]) -> str:
    """Return what needs a person: "2 tasks need you, 1 of them urgent"; "" where nothing does."""
    if not tasks:
        return ""
    urgent = sum(one.severity is Severity.URGENT for one in tasks)
    if len(tasks) == 1:
        return "An urgent task needs you" if urgent else "A task needs you"
    words = f"{len(tasks)} tasks need you"
    if urgent == len(tasks):
        return f"{len(tasks)} urgent tasks need you"
    return f"{words}, {urgent} of them urgent" if urgent else words
