"""Codes that count once: to claim a gateway, to set one's first password, to sign in from home.

A code is a locator, which finds the row, and a secret, of which the table holds an argon2 hash alone. It is shown once,
in groups that can be read out over the telephone; what is typed in may be in any case, with any separators, and with
the look-alikes that people write.
"""

from __future__ import annotations

import functools
import secrets
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import argon2
import psycopg

from ingest import errors, named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "one_time_code")

# Without I, L, O and U: the first three look like 1 and 0, the last one makes words. Five bits a letter.
# Source: Douglas Crockford, "Base 32", 2019 (crockford.com/base32.html).
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOK_ALIKES: Final = str.maketrans("OIL", "011")
_LOCATOR_LENGTH: Final = 4
_GROUP_LENGTH: Final = 4
_MOST_TYPED: Final = 100  # characters; whatever is longer was not typed
MOST_WRONG_TRIES: Final = 5
# A drawn locator is taken once in many hundred codes; this often in a row means that something else is wrong.
_MOST_DRAWS: Final = 20

_HASHER: Final = argon2.PasswordHasher()
# Each check takes 64 MiB for a moment; a crowd at the door waits instead of eating the machine's memory.
_AT_THE_DOOR: Final = threading.BoundedSemaphore(4)


class Purpose(StrEnum):
    """What a code is good for."""

    CLAIM_GATEWAY = "claim_gateway"
    INVITE_STAFF = "invite_staff"
    HOME_SIGN_IN = "home_sign_in"


LIFETIME: Final[Mapping[Purpose, timedelta]] = {
    Purpose.CLAIM_GATEWAY: timedelta(hours=24),
    Purpose.INVITE_STAFF: timedelta(hours=72),
    Purpose.HOME_SIGN_IN: timedelta(hours=24),
}
# 16 letters are 80 bits; 8 are 40, for what a person types on a telephone and five wrong tries void.
_SECRET_LENGTH: Final[Mapping[Purpose, int]] = {
    Purpose.CLAIM_GATEWAY: 16,
    Purpose.INVITE_STAFF: 16,
    Purpose.HOME_SIGN_IN: 8,
}
_SUBJECT_COLUMN: Final[Mapping[Purpose, str]] = {
    Purpose.CLAIM_GATEWAY: "gateway_id",
    Purpose.INVITE_STAFF: "staff_id",
    Purpose.HOME_SIGN_IN: "person_id",
}


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a code turned out to be for. ``subject`` is a gateway id, or the id of a member of staff or a person."""

    practice_id: UUID
    code_id: UUID
    subject: str | UUID


@dataclass(frozen=True, slots=True)
class Typed:
    """A code taken apart, in its one spelling."""

    locator: str
    secret: str


def issue(
    cur: Cursor,
    practice_id: UUID,
    purpose: Purpose,
    subject: str | UUID,
    *,
    created_by: UUID | None,
    at: datetime,
) -> str:
    """Make a code for a subject, void its earlier ones, and return it for the only time.

    Args:
        cur: Open cursor whose transaction works for the practice; role console or owner.
        practice_id: Whose subject it is.
        purpose: What the code is good for; it decides how long it lives.
        subject: Gateway id, staff id or person id, as the purpose says.
        created_by: The member of staff who asked for it; None for the command line.
        at: Now, aware UTC.

    Returns:
        The code in groups of four letters. The caller writes the audit event CODE_ISSUED, without the code.

    Raises:
        StoreError: no free locator was drawn.
        psycopg.errors.ForeignKeyViolation: the practice has no such subject.
    """
    parameters: dict[str, Any] = {
        "practice_id": practice_id,
        "purpose": purpose,
        "created_by": created_by,
        "at": at,
        "expires_at": at + LIFETIME[purpose],
        **dict.fromkeys(_SUBJECT_COLUMN.values()),
        _SUBJECT_COLUMN[purpose]: subject,
    }
    secret = _draw(_SECRET_LENGTH[purpose])
    parameters["secret_argon2"] = _HASHER.hash(secret)
    for _ in range(_MOST_DRAWS):
        cur.execute(_Q.void_former, parameters)
        locator = _draw(_LOCATOR_LENGTH)
        if cur.execute(_Q.issue, parameters | {"locator": locator}).fetchone() is not None:
            return grouped(locator + secret)
    raise errors.StoreError


def redeem(cur: Cursor, purpose: Purpose, typed: str, at: datetime) -> Redeemed | None:
    """Use a code up, or count a wrong try against the code that the locator finds.

    Whatever was typed costs the same work, so the time of the answer tells nothing. Roll back only where the code was
    right and what it is for could not be done; commit after None, or wrong tries would not count.

    Args:
        cur: Open cursor of the role entrance; no scope is needed.
        purpose: What the code has to be good for.
        typed: As it came in.
        at: Now, aware UTC.

    Returns:
        What the code was for; None where it is wrong, used, expired, void or for another purpose.
    """
    code = read(purpose, typed)
    row = None if code is None else _living(cur, purpose, code.locator, at)
    is_right = _is_secret_of(
        _nobodys_hash() if row is None else row[2], code.secret if code else ""
    )
    if row is None:
        return None
    practice_id, code_id, _, *subjects = row
    which = {"practice_id": practice_id, "code_id": code_id, "at": at}
    if not is_right:
        cur.execute(_Q.count_wrong_try, which | {"most_wrong_tries": MOST_WRONG_TRIES})
        return None
    if cur.execute(_Q.use, which).fetchone() is None:
        return None
    return Redeemed(practice_id, code_id, next(one for one in subjects if one is not None))


def read(purpose: Purpose, typed: str) -> Typed | None:
    """Take apart what somebody typed; None if no code of this purpose can be meant."""
    if len(typed) > _MOST_TYPED:
        return None
    letters = "".join(
        sign
        for sign in unicodedata.normalize("NFKC", typed).upper()
        # Spaces, and dashes of any kind: writing programs replace them.
        if not sign.isspace() and unicodedata.category(sign) != "Pd"
    ).translate(_LOOK_ALIKES)
    if len(letters) != _LOCATOR_LENGTH + _SECRET_LENGTH[purpose]:
        return None
    if not set(letters) <= set(_LETTERS):
        return None
    return Typed(letters[:_LOCATOR_LENGTH], letters[_LOCATOR_LENGTH:])


def grouped(letters: str) -> str:
    """Return letters in groups of four with dashes between them."""
    starts = range(0, len(letters), _GROUP_LENGTH)
    return "-".join(letters[start : start + _GROUP_LENGTH] for start in starts)


def _draw(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _living(cur: Cursor, purpose: Purpose, locator: str, at: datetime) -> tuple[Any, ...] | None:
    parameters = {"purpose": purpose, "locator": locator, "at": at}
    row: tuple[Any, ...] | None = cur.execute(_Q.living, parameters).fetchone()
    return row


def _is_secret_of(secret_argon2: str, secret: str) -> bool:
    with _AT_THE_DOOR:
        try:
            return _HASHER.verify(secret_argon2, secret)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


@functools.cache
def _nobodys_hash() -> str:
    """Return what stands in for the hash that is not there."""
    return _HASHER.hash(_draw(max(_SECRET_LENGTH.values())))
