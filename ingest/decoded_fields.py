"""What of a stored reading its bytes alone decide, whatever kind it is. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, get_args

from firmware_profiles import kinds
from firmware_profiles.readings import Reading

_NO_NUMBERS: Final[dict[str, Any]] = dict.fromkeys(kinds.NUMBERS)
# Field names are looked up once for each class: ingest meets readings by the million.
_OF_CLASS: Final[dict[type, tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]]] = {}
for _reading_class in get_args(Reading):
    _names = (
        *("result", "device_time", "qualifiers", "user_slot", "sequence_number"),
        *(one.name for one in fields(_reading_class) if one.name in _NO_NUMBERS),
    )
    _OF_CLASS[_reading_class] = (_names, attrgetter(*_names))


def decoded_fields(decoded: Reading) -> dict[str, Any]:
    """Return these fields of a stored reading by name; numbers that the kind does not have are None."""
    names, values_of = _OF_CLASS[type(decoded)]
    found = _NO_NUMBERS | dict(zip(names, values_of(decoded), strict=True))
    found["kind"] = decoded.KIND
    return found
