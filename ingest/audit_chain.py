r"""The hash chain of a practice's audit trail: bytes of an event, its hash, and the hash of its link.

Written so that anybody can recompute it with SHA-256 and a JSON writer, without this program:

- *Canonical bytes* of an event are one JSON object of its columns: keys sorted by code point, no spaces, UTF-8, strings
  escaped only where JSON requires it; ids in lower case with dashes; instants as ``2026-11-12T15:42:00.123456Z``;
  numbers without exponent and without zeros that say nothing (``1.50`` and ``15e-1`` are ``1.5``).
- ``event_sha256`` = SHA-256("homevitals audit event v1\n" + canonical bytes).
- ``chain_sha256`` of link n = SHA-256("homevitals audit link v1\n" + chain_sha256 of link n-1 + canonical bytes of the
  link's own columns). Link 0 is the genesis: SHA-256("homevitals audit genesis v1\n" + the practice's id).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final
from uuid import UUID

from ingest import audit

EVENT_COLUMNS: Final = (
    "practice_id",
    "event_id",
    "at",
    "kind",
    "action",
    "outcome",
    "agent_kind",
    "agent_id",
    "agent_role",
    "network",
    "session",
    "purpose",
    "patient_ids",
    "resource",
    "resource_id",
    "detail",
)
"""All columns of ingest.audit_event. A column that is added later is hashed only by a version 2 of the form."""

MAX_DEPTH: Final = 64
"""Levels of a detail beyond which nobody reads it as JSON; it is then sealed as the text that the database gives."""

_text: Final = encode_basestring  # escapes only what JSON requires; what is no text is a TypeError
_EVENT: Final = b"homevitals audit event v1\n"
_LINK: Final = b"homevitals audit link v1\n"
_GENESIS: Final = b"homevitals audit genesis v1\n"


@dataclass(frozen=True, slots=True)
class Link:
    """One link without its hash.

    Attributes:
        practice_id: Whose chain it is.
        position: 1 for the first.
        event_id: The event that it seals.
        event_sha256: Hash of that event.
        sealed_at: When, as an aware instant or in the canonical form.
    """

    practice_id: UUID
    position: int
    event_id: UUID
    event_sha256: bytes
    sealed_at: datetime | str


def genesis(practice_id: UUID) -> bytes:
    """Return what the first link of a practice hangs on."""
    return hashlib.sha256(_GENESIS + str(practice_id).encode()).digest()


def event_sha256(columns: Mapping[str, Any]) -> bytes:
    """Return the hash of an event, given as :func:`columns_of` or :func:`stored_columns` return it."""
    return hashlib.sha256(_EVENT + canonical_bytes(columns)).digest()


def chain_sha256(previous: bytes, link: Link) -> bytes:
    """Return the hash of a link that hangs on ``previous``, the hash of the link before or the genesis."""
    return hashlib.sha256(
        _LINK
        + previous
        + canonical_bytes(
            {
                "practice_id": link.practice_id,
                "position": link.position,
                "event_id": link.event_id,
                "event_sha256": link.event_sha256.hex(),
                "sealed_at": link.sealed_at,
            }
        )
    ).digest()


def columns_of(event: audit.Event) -> dict[str, Any]:
    """Return the columns of an event that is still in memory."""
    return {
        "practice_id": event.practice_id,
        "event_id": event.event_id,
        "at": event.at,
        "kind": event.kind.value,
        "action": event.action.value,
        "outcome": event.outcome.value,
        "agent_kind": event.agent.kind.value,
        "agent_id": event.agent.agent_id,
        "agent_role": event.agent.role,
        "network": event.agent.network,
        "session": event.agent.session,
        "purpose": event.purpose.value,
        "patient_ids": event.patient_ids,
        "resource": event.resource,
        "resource_id": event.resource_id,
        "detail": event.detail,
    }


def stored_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row in which ``at`` and ``detail`` are text, as the statements of the audit select them.

    Takes whatever somebody with all rights may have put there, so that it is found and not stumbled over: nothing is
    checked, and a detail that is nested too deep to be read stands as its text.
    """
    columns = {name: row[name] for name in EVENT_COLUMNS}
    try:
        # Numbers as written: a change in the twentieth digit is a change too.
        columns["detail"] = json.loads(row["detail"], parse_float=Decimal, parse_int=Decimal)
        _canonical(columns["detail"], MAX_DEPTH - 1)
    except (TypeError, ValueError, RecursionError):
        columns["detail"] = str(row["detail"])
    return columns


def canonical_bytes(node: Any) -> bytes:
    """Return the canonical form, see the head of this module.

    Raises:
        TypeError: ``node`` holds something that has no place in an event.
        ValueError: an instant is not aware, a number not finite, a text no Unicode, or all of it nested too deeply.
    """
    return _canonical(node, MAX_DEPTH).encode("utf-8")


def instant(at: datetime) -> str:
    """Return an instant in the canonical form: RFC 3339, UTC, microseconds.

    Raises:
        ValueError: it is not aware.
    """
    if at.tzinfo is None:
        raise ValueError("an instant of the audit trail is aware")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _canonical(node: Any, levels: int) -> str:
    parts: list[str] = []
    _write(node, parts.append, levels)
    return "".join(parts)


def _write(node: Any, add: Callable[[str], None], levels: int) -> None:
    """Write a node piece by piece. The most frequent sorts come first: checking a trail does this millions of times."""
    if isinstance(node, str):
        add(_text(node))
    elif isinstance(node, dict | list | tuple | Mapping):
        if levels == 0:
            raise ValueError(f"an audit event is nested at most {MAX_DEPTH} levels deep")
        if isinstance(node, list | tuple):
            _write_array(node, add, levels - 1)
        else:
            _write_object(node, add, levels - 1)
    else:
        add(_scalar(node))


def _write_array(node: Sequence[Any], add: Callable[[str], None], levels: int) -> None:
    before = "["
    for item in node:
        add(before)
        _write(item, add, levels)
        before = ","
    add("]" if node else "[]")


def _write_object(node: Mapping[Any, Any], add: Callable[[str], None], levels: int) -> None:
    before = "{"
    for key in sorted(node):
        add(f"{before}{_text(key)}:")
        _write(node[key], add, levels)
        before = ","
    add("}" if node else "{}")


def _scalar(node: Any) -> str:
    if node is None:
        return "null"
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, UUID):
        return f'"{node}"'
    if isinstance(node, datetime):
        return _text(instant(node))
    if isinstance(node, int | float | Decimal):
        return _number(node)
    raise TypeError(f"{type(node).__name__} has no place in an audit event")


def _number(number: float | Decimal) -> str:
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if not exact.is_finite():
        raise ValueError("a number of an audit event is finite")
    plain = format(exact, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain
