"""What can go wrong in alerts; each message ends with what the person can do.

::

    AlertsError
    ├── BadContact (ValueError)
    ├── BadLadder (ValueError)
    ├── BadRule (ValueError)
    ├── BadShift (ValueError)
    ├── BadWindow (ValueError)
    ├── LadderChanged
    ├── NotSent
    ├── RuleChanged
    ├── ScheduleChanged
    └── WorkWithoutReading
"""

from __future__ import annotations

from enum import StrEnum


class AlertsError(Exception):
    """Alerts could not do this. Look at the rule or the reading again and retry."""

    def __init__(self, message: str = "") -> None:
        """Use the class's own docstring where no message is given."""
        super().__init__(message or " ".join((self.__doc__ or "").split()))


class BadRule(AlertsError, ValueError):
    """A rule needs a title, a reason, a source, a limit that can be measured and a due time."""


class RuleChanged(AlertsError):
    """Another version of this rule begins then or later. Reload the rules and decide again."""


class WorkWithoutReading(AlertsError):
    """Queued work points at no reading of its patient. It stays queued; report its queue id."""


class BadLadder(AlertsError, ValueError):
    """A ladder has at most five rungs, later and later, each with a channel; the last one calls the practice line."""


class LadderChanged(AlertsError):
    """Another version of this ladder begins then or later. Reload the page and decide again."""


class BadShift(AlertsError, ValueError):
    """A shift ends after it begins, and a repeated one before it begins again. Correct the times."""


class BadContact(AlertsError, ValueError):
    """This cannot be reached over that channel. Write an e-mail address, +15551234567, or an https address."""


class Failure(StrEnum):
    """Why a message was not taken, in words of ours: what the other side said may hold the address."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    SIGN_IN = "sign_in"
    BUSY = "busy"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    NOT_ALLOWED = "not_allowed"  # the settings do not let messages go there
    SETTINGS = "settings"  # a secret cannot be read
    NO_CONTACT = "no_contact"  # the address was taken back meanwhile
    UNKNOWN = "unknown"  # a fault of ours


class NotSent(AlertsError):
    """The message was not taken. Look at the channel's section of the settings, then at who should have taken it."""

    def __init__(self, failure: Failure, *, is_final: bool = False) -> None:
        """Keep why, and whether there is no use in trying again."""
        super().__init__(f"not sent ({failure.replace('_', ' ')}). {type(self).__doc__}")
        self.failure, self.is_final = failure, is_final


class BadWindow(AlertsError, ValueError):
    """A time of expected silence needs a reason, an end behind its begin and behind now, and lasts 92 days at most."""


class ScheduleChanged(AlertsError):
    """Another version of this schedule begins then or later. Reload the page and decide again."""
