"""Take the fields of one JSON object out with exact types.

JSON has one kind of number and Python takes True for 1; here a whole number is an ``int`` and
nothing else. Error texts name the field and what it must be, never what it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TypeVar

from firmware_profiles import errors
from firmware_profiles.errors import WireReason

# One less than a PostgreSQL bigint holds, because a range of them is written with the number behind its end.
MAX_INTEGER: Final = 2**63 - 2

# The patient comes from the assignment in the store, never from a message; a sender that names one
# is wrong or worse.
FORBIDDEN: Final = frozenset({"patient", "patient_id", "practice", "practice_id"})

# RFC 3339 section 5.6 with "Z" only. datetime.fromisoformat alone would take week dates, basic
# format, no zone.
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)

_Choice = TypeVar("_Choice", bound=StrEnum)


def time_text(at: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, to the microsecond.

    Raises:
        WireError: `bad_time` for a datetime without a zone.
    """
    if at.tzinfo is None:
        raise errors.WireError(WireReason.BAD_TIME, "an instant needs a time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


class Fields:
    """One JSON object, read field by field. Fields that nobody asks for are ignored.

    Raises:
        WireError: `wrong_type` if it is no object, `forbidden_field` if it names a patient or a
            practice.
    """

    def __init__(self, node: object, what: str) -> None:
        if not isinstance(node, dict):
            raise errors.WireError(WireReason.WRONG_TYPE, f"{what} must be an object")
        self._members: Mapping[str, object] = node
        forbidden = sorted(FORBIDDEN & node.keys())
        if forbidden:
            raise errors.WireError(
                WireReason.FORBIDDEN_FIELD, f"{what} must not hold {', '.join(forbidden)}"
            )

    def get_if_there(self, name: str) -> object:
        """Return the field as it is; None also if it is not there, as in what earlier versions send."""
        return self._members.get(name)

    def get(self, name: str) -> object:
        """Return the field as it is; None only if it is null."""
        if name not in self._members:
            raise errors.WireError(WireReason.MISSING_FIELD, f"{name} is missing")
        return self._members[name]

    def text(self, name: str, pattern: re.Pattern[str], rule: str) -> str:
        """Return a string that matches `pattern` whole; `rule` says the same to a person."""
        text = self.get(name)
        if not isinstance(text, str):
            raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be a string")
        if pattern.fullmatch(text) is None:
            raise errors.WireError(WireReason.OUT_OF_RANGE, f"{name} must be {rule}")
        return text

    def text_or_null(self, name: str, pattern: re.Pattern[str], rule: str) -> str | None:
        """Return a string that matches `pattern` whole, or None for null."""
        return None if self.get(name) is None else self.text(name, pattern, rule)

    def choice(self, name: str, choices: type[_Choice]) -> _Choice:
        """Return the member of a closed set."""
        text = self.get(name)
        if not isinstance(text, str):
            raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be a string")
        try:
            return choices(text)
        except ValueError:
            allowed = ", ".join(choices)
            raise errors.WireError(
                WireReason.OUT_OF_RANGE, f"{name} must be one of {allowed}"
            ) from None

    def choice_or_null(self, name: str, choices: type[_Choice]) -> _Choice | None:
        """Return the member of a closed set, or None for null."""
        return None if self.get(name) is None else self.choice(name, choices)

    def items(self, name: str, maximum: int) -> list[object]:
        """Return the elements of an array of at most `maximum`."""
        nodes = self.get(name)
        if not isinstance(nodes, list):
            raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be an array")
        if len(nodes) > maximum:
            raise errors.WireError(
                WireReason.OUT_OF_RANGE, f"{name} must hold at most {maximum} elements"
            )
        return nodes

    def whole(self, name: str, minimum: int, maximum: int) -> int:
        """Return a whole number within bounds, both included."""
        number = self.get(name)
        if not isinstance(number, int) or isinstance(number, bool):
            raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be a whole number")
        if not minimum <= number <= maximum:
            raise errors.WireError(
                WireReason.OUT_OF_RANGE, f"{name} must be from {minimum} to {maximum}"
            )
        return number

    def whole_or_null(self, name: str, minimum: int, maximum: int) -> int | None:
        """Return a whole number within bounds, both included, or None for null."""
        return None if self.get(name) is None else self.whole(name, minimum, maximum)

    def number_or_null(self, name: str, limit: float) -> float | None:
        """Return a number of at most `limit` in size, or None for null."""
        number = self.get(name)
        if number is None:
            return None
        if not isinstance(number, int | float) or isinstance(number, bool):
            raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be a number or null")
        if not -limit <= number <= limit:
            raise errors.WireError(
                WireReason.OUT_OF_RANGE, f"{name} must be from {-limit:g} to {limit:g}"
            )
        return float(number)

    def flag(self, name: str) -> bool:
        """Return a truth value."""
        flag = self.get(name)
        if not isinstance(flag, bool):
            raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be true or false")
        return flag

    def instant(self, name: str) -> datetime:
        """Return an instant, aware, in UTC."""
        text = self.get(name)
        if not isinstance(text, str):
            raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be a string")
        try:
            if _TIME.fullmatch(text):
                return datetime.fromisoformat(text)
        except ValueError:  # the thirtieth of February, or a leap second
            pass
        raise errors.WireError(
            WireReason.BAD_TIME, f"{name} must be a UTC time like 2026-01-31T08:00:00Z"
        )

    def instant_or_null(self, name: str) -> datetime | None:
        """Return an instant, aware, in UTC, or None for null."""
        return None if self.get(name) is None else self.instant(name)
