"""What of a stored reading its bytes alone decide, whatever kind it is. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, get_args

from firmware_profiles import kinds
from firmware_profiles.readings import Reading

_ALWAYS: Final = ("result", "device_time", "qualifiers", "user_slot", "sequence_number")


def _reader(of_class: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """Make what reads a class: its fields are looked up once, for ingest meets readings by the million."""
    own = (field.name for field in fields(of_class) if field.name in kinds.NUMBERS)
    names = (*_ALWAYS, *own)
    values_of = attrgetter(*names)
    of_kind: dict[str, Any] = dict.fromkeys(kinds.NUMBERS) | {"kind": of_class.KIND}

    def read(decoded: Any) -> dict[str, Any]:
        found = of_kind.copy()
        found.update(zip(names, values_of(decoded), strict=True))
        return found

    return read


_READERS: Final = {one: _reader(one) for one in get_args(Reading)}


def decoded_fields(decoded: Reading) -> dict[str, Any]:
    """Return these fields of a stored reading by name; numbers that the kind does not have are None."""
    return _READERS[type(decoded)](decoded)
