"""Read JSON text without the liberties that Python's parser takes.

``json.loads`` accepts NaN and Infinity, turns 1e999 into infinity, lets the last of two equal keys
win, sniffs UTF-16, raises RecursionError on deep nesting and ValueError on long integers. Text that
comes from outside gets none of that: whatever is not plain JSON is a fault with a reason, and
nothing but WireError leaves this module.

A fault inside one element of an array need not cost its neighbours: `split` reads an object member
by member and hands out the elements of one array each with its own text and its own fault.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Final

from firmware_profiles import errors
from firmware_profiles.errors import WireReason

MAX_DEPTH: Final = 8  # v1 needs 5; more is an attack on whoever walks the tree

# Longer than any integer of the wire format (2^63 - 1 has 19 digits); Python refuses 4300 digits by
# itself.
_MAX_INTEGER_CHARACTERS: Final = 20

_GAP: Final = re.compile(r"[ \t\n\r]*")

_MESSAGES: Final = {
    WireReason.EMPTY: "the payload is empty",
    WireReason.TOO_LARGE: "the payload is too large; send fewer records at once",
    WireReason.NOT_UTF8: "the text is not UTF-8 without a byte order mark",
    WireReason.NOT_JSON: "the payload is not one JSON value",
    WireReason.NOT_OBJECT: "the payload is not a JSON object",
    WireReason.TOO_DEEP: "nested too deep",
    WireReason.DUPLICATE_KEY: "an object holds one key twice",
    WireReason.NOT_FINITE: "a number is not finite",
    WireReason.OUT_OF_RANGE: "a number has too many digits, or a string holds a NUL",
}


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an array: its text as sent, what it says, and why not to believe it."""

    text: str
    node: object
    fault: errors.WireError | None


def parse_object(payload: bytes, *, max_bytes: int) -> dict[str, object]:
    """Read a payload that is one JSON object.

    Raises:
        WireError: with the reason; nothing else, whatever the bytes.
    """
    envelope, _ = split(payload, None, max_bytes=max_bytes)
    return envelope


def split(
    payload: bytes, array_name: str | None, *, max_bytes: int, max_depth: int = MAX_DEPTH
) -> tuple[dict[str, object], list[Element]]:
    """Read an object whose member `array_name` is an array, and keep that array's elements apart.

    Returns:
        The other members, and the elements in order. If the member is absent or not an array the
        list is empty, and the member, if any, stands among the others.

    Raises:
        WireError: a fault anywhere outside the elements, or elements so broken that their end
            cannot be found.
    """
    text = _text_of(payload, max_bytes)
    reader = _Reader(text, max_depth)
    if not reader.skip("{"):
        reader.read(depth=1)
        reader.expect_end()
        raise _fault(WireReason.NOT_OBJECT)
    members: dict[str, object] = {}
    elements: list[Element] = []
    seen: set[str] = set()
    while not reader.skip("}"):
        if seen:
            reader.expect(",")
        name = reader.read_key()
        if name in seen:
            raise _fault(WireReason.DUPLICATE_KEY)
        seen.add(name)
        reader.expect(":")
        if name == array_name and reader.skip("["):
            elements = _elements(reader)
            members[name] = []
        else:
            member = reader.read(depth=2)
            if member.fault is not None:
                raise member.fault
            members[name] = member.node
    reader.expect_end()
    return members, elements


def _elements(reader: _Reader) -> list[Element]:
    elements: list[Element] = []
    while not reader.skip("]"):
        if elements:
            reader.expect(",")
        elements.append(reader.read(depth=3))
    return elements


def _text_of(payload: bytes, max_bytes: int) -> str:
    if not payload:
        raise _fault(WireReason.EMPTY)
    if len(payload) > max_bytes:
        raise _fault(WireReason.TOO_LARGE)
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise _fault(WireReason.NOT_UTF8) from None
    if text.startswith("\ufeff"):
        raise _fault(WireReason.NOT_UTF8)
    return text


def _fault(reason: WireReason) -> errors.WireError:
    return errors.WireError(reason, _MESSAGES[reason])


class _Reader:
    """A position in a text, moved forward over one token or one whole value at a time."""

    def __init__(self, text: str, max_depth: int) -> None:
        self._text = text
        self._max_depth = max_depth
        self._position = 0
        self._faults: list[WireReason] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._number,
            parse_constant=self._constant,
        )

    def skip(self, token: str) -> bool:
        """Move past `token` if it comes next."""
        self._skip_gap()
        if not self._text.startswith(token, self._position):
            return False
        self._position += len(token)
        return True

    def expect(self, token: str) -> None:
        if not self.skip(token):
            raise _fault(WireReason.NOT_JSON)

    def expect_end(self) -> None:
        self._skip_gap()
        if self._position != len(self._text):
            raise _fault(WireReason.NOT_JSON)

    def read_key(self) -> str:
        self._skip_gap()
        if not self._text.startswith('"', self._position):
            raise _fault(WireReason.NOT_JSON)
        key = self.read(depth=2)
        if key.fault is not None:
            raise key.fault
        return str(key.node)

    def read(self, depth: int) -> Element:
        """Read one value that stands at `depth` (the top level is 1).

        Raises:
            WireError: the value is not JSON, so that nobody can say where it ends.
        """
        self._skip_gap()
        start = self._position
        self._faults.clear()
        try:
            node, self._position = self._decoder.raw_decode(self._text, start)
        except json.JSONDecodeError:
            raise _fault(WireReason.NOT_JSON) from None
        except RecursionError:
            raise _fault(WireReason.TOO_DEEP) from None
        reason = self._faults[0] if self._faults else _fault_in(node, self._max_depth - depth)
        return Element(
            text=self._text[start : self._position],
            node=node,
            fault=None if reason is None else _fault(reason),
        )

    def _skip_gap(self) -> None:
        gap = _GAP.match(self._text, self._position)
        assert gap is not None  # noqa: S101 - the pattern matches the empty string
        self._position = gap.end()

    # The parser calls these while it reads; they note a fault and return a stand-in, so that it
    # reads on to the end.

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            self._faults.append(WireReason.DUPLICATE_KEY)
        return members

    def _integer(self, digits: str) -> int:
        if len(digits) > _MAX_INTEGER_CHARACTERS:
            self._faults.append(WireReason.OUT_OF_RANGE)
            return 0
        return int(digits)

    def _number(self, digits: str) -> float:
        number = float(digits)
        if not math.isfinite(number):
            self._faults.append(WireReason.NOT_FINITE)
        return number

    def _constant(self, _name: str) -> float:
        self._faults.append(WireReason.NOT_FINITE)
        return 0.0


def _fault_in(node: object, levels_left: int) -> WireReason | None:
    """Find what the parser cannot notice while it reads: depth, and strings that are not text."""
    if isinstance(node, str):
        return _fault_in_string(node)
    if not isinstance(node, dict | list):
        return None
    if levels_left < 0:
        return WireReason.TOO_DEEP
    children = [*node.keys(), *node.values()] if isinstance(node, dict) else node
    for child in children:
        reason = _fault_in(child, levels_left - 1)
        if reason is not None:
            return reason
    return None


def _fault_in_string(text: str) -> WireReason | None:
    if "\0" in text:  # PostgreSQL cannot store it
        return WireReason.OUT_OF_RANGE
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:  # half of a surrogate pair, written as an escape
            return WireReason.NOT_UTF8
    return None
