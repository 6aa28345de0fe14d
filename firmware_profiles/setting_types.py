"""The types a setting may have: how each is called, read from text, and taken from TOML."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final


class UnfitError(Exception):
    """A setting that is not what it must be."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


@dataclass(frozen=True, slots=True)
class SettingType:
    """One of the types; both functions raise UnfitError."""

    name: str
    parse: Callable[[str], object]
    take: Callable[[object], object]


def _parse_int(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise UnfitError("a whole number")
    return int(text)


def _parse_float(text: str) -> float:
    if re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", text) is None:
        raise UnfitError("a number")
    return float(text)


def _parse_bool(text: str) -> bool:
    if text not in {"true", "false"}:
        raise UnfitError('"true" or "false"')
    return text == "true"


def _parse_list(text: str) -> tuple[str, ...]:
    return _each_once(tuple(part.strip() for part in text.split(",")) if text.strip() else ())


def _each_once(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list that names something twice; which of the two was meant to be another is the person's to say."""
    first: dict[str, int] = {}
    for number, entry in enumerate(entries, start=1):
        if entry in first:
            raise UnfitError(f"every entry once; entries {first[entry]} and {number} are the same")
        first[entry] = number
    return entries


def _take_int(node: object) -> int:
    if not isinstance(node, int) or isinstance(node, bool):
        raise UnfitError(f"a whole number, got {_kind(node)}")
    return node


def _take_float(node: object) -> float:
    if not isinstance(node, int | float) or isinstance(node, bool) or not math.isfinite(node):
        raise UnfitError(f"a finite number, got {_kind(node)}")
    return float(node)


def _take_bool(node: object) -> bool:
    if not isinstance(node, bool):
        raise UnfitError(f"true or false, got {_kind(node)}")
    return node


def _take_str(node: object) -> str:
    if not isinstance(node, str):
        raise UnfitError(f"a string, got {_kind(node)}")
    return node


def _take_list(node: object) -> tuple[str, ...]:
    if not isinstance(node, list):
        raise UnfitError(f"an array of strings, got {_kind(node)}")
    return _each_once(tuple(_take_str(part) for part in node))


def _parse_path(text: str) -> Path:
    if not text or "\0" in text:
        raise UnfitError("the path of a file or folder")
    return Path(text)


WANTED: Final[Mapping[object, SettingType]] = {
    str: SettingType("a string", str, _take_str),
    int: SettingType("a whole number", _parse_int, _take_int),
    float: SettingType("a number", _parse_float, _take_float),
    bool: SettingType("true or false", _parse_bool, _take_bool),
    Path: SettingType("a path", _parse_path, lambda node: _parse_path(_take_str(node))),
    tuple[str, ...]: SettingType("an array of strings", _parse_list, _take_list),
}


def wanted(annotation: object) -> SettingType:
    """Return the type that a setting's annotation names; an enumeration of words is one of its words."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _one_of(annotation)
    return WANTED[annotation]


def _one_of(words: type[StrEnum]) -> SettingType:
    def parse(text: str) -> StrEnum:
        try:
            return words(text)
        except ValueError:
            raise UnfitError("one of " + ", ".join(words)) from None

    return SettingType("one of " + ", ".join(words), parse, lambda node: parse(_take_str(node)))


_KINDS: Final[Mapping[type, str]] = {
    bool: "a truth value",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "a table",
}


def _kind(node: object) -> str:
    return _KINDS.get(type(node), "a date or time")
