"""What can go wrong in alerts; each message ends with what the person can do.

::

    AlertsError
    ├── BadRule (ValueError)
    ├── RuleChanged
    └── WorkWithoutReading
"""

from __future__ import annotations


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
