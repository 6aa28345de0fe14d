"""Second factors: codes of an authenticator app that change every half minute.

The secret is sealed before it goes into the database. A code counts once, and clocks may differ by half a minute.

Source: RFC 6238 (TOTP), May 2011: 30 s steps, at most one step of drift, each code once; RFC 4226, section 4: secrets
of 160 bits. The text in the QR code is that of the Google Authenticator wiki, "Key Uri Format".
"""

from __future__ import annotations

import base64
import hmac
import io
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from fastapi import Request
from markupsafe import Markup

from ccm_link.console import problems
from ccm_link.console.entrance import sealing
from ccm_link.console.entrance.sealing import Purpose
from ccm_link.console.problems import Problem
from ingest import credentials
from ingest.credentials import Cursor, StaffAccount

STEP_S: Final = 30
DIGITS: Final = 6
_DRIFT_STEPS: Final = (0, -1, 1)
_SECRET_BYTES: Final = 20
_PROPOSED_FOR: Final = timedelta(minutes=15)
_ISSUER: Final = "Homevitals"

NO_KEYS: Final = Problem(
    503,
    "Second factors cannot be used yet",
    "The console has no keys to keep their secrets with.",
    "Tell the operator: the setting ccm_link.secrets_key_file names a file that is not there.",
    "no_secrets_keys",
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A secret to be put into an authenticator app.

    Attributes:
        text: The ``otpauth://`` address that the QR code holds.
        typed: The secret in groups, for typing it in.
        image: The QR code as SVG.
        sealed: The secret as the form carries it until a code of it confirms it.
    """

    text: str
    typed: str
    image: Markup
    sealed: str


def propose(request: Request, account: StaffAccount, now: datetime) -> Proposal:
    """Draw a secret for an account; nothing is stored.

    Raises:
        Refused: the console has no keys.
    """
    secret = secrets.token_bytes(_SECRET_BYTES)
    return _shown(request, account, secret, now)


def proposed(
    request: Request, account: StaffAccount, sealed: str, now: datetime
) -> Proposal | None:
    """Return the proposal that a form brought back, to be shown again; None where its time is over."""
    secret = _opened(request, account, sealed, now)
    return None if secret is None else _shown(request, account, secret, now)


def confirm(
    cur: Cursor, request: Request, account: StaffAccount, *, sealed: str, code: str, now: datetime
) -> bool:
    """Make a proposed secret the account's second factor, given a code of it.

    False where the code is wrong, the proposal's time is over, or the account has a second factor already.

    Raises:
        Refused: the console has no keys.
    """
    secret = _opened(request, account, sealed, now)
    step = None if secret is None else step_of(secret, code, now)
    if secret is None or step is None:
        return False
    kept = _keys(request).close(Purpose.TOTP_SECRET, secret, _owner(account))
    return credentials.set_totp(cur, account, totp_sealed=kept, step=step, at=now)


def use(cur: Cursor, request: Request, account: StaffAccount, code: str, now: datetime) -> bool:
    """Use up a code of an account's second factor; False where it is wrong or counted before.

    Raises:
        Refused: the console has no keys, or none that opens this secret.
    """
    secret = _keys(request).open(Purpose.TOTP_SECRET, account.totp_sealed or b"", _owner(account))
    if secret is None:
        raise problems.Refused(NO_KEYS)
    step = step_of(secret, code, now)
    return step is not None and credentials.use_totp_step(cur, account, step)


def step_of(secret: bytes, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, of this one and its two neighbours; None for none."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not typed.isascii() or not typed.isdecimal():
        return None
    current = int(now.timestamp()) // STEP_S
    steps = [current + drift for drift in _DRIFT_STEPS]
    right = [step for step in steps if hmac.compare_digest(code_at(secret, step), typed)]
    return right[0] if right else None


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a time step."""
    return TOTP(secret, DIGITS, SHA1(), STEP_S).generate(step * STEP_S).decode()  # noqa: S303 - what apps support


def is_available(request: Request) -> bool:
    """Say whether the console has keys to keep secrets with."""
    return sealing.lasting(request) is not None


def _shown(request: Request, account: StaffAccount, secret: bytes, now: datetime) -> Proposal:
    _keys(request)
    note = {"secret": base64.b64encode(secret).decode()}
    sealed = sealing.passing(request).close_note(
        Purpose.PROPOSAL, note, now + _PROPOSED_FOR, _owner(account)
    )
    typed = base64.b32encode(secret).decode()
    text = _address(account, typed)
    grouped = " ".join(typed[start : start + 4] for start in range(0, len(typed), 4))
    return Proposal(text, grouped, _picture(text), sealed)


def _picture(text: str) -> Markup:
    """Return a QR code as SVG without a size of its own: the page says how large it is, and nothing is cut off."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        picture, kind="svg", light="white", omitsize=True, xmldecl=False, nl=False, title="QR code"
    )
    return Markup(picture.getvalue().decode())  # noqa: S704 - segno's own markup, of a text of ours


def _address(account: StaffAccount, typed: str) -> str:
    label = quote(f"{_ISSUER}:{account.sign_in_name}@{account.slug}")
    asked = {"secret": typed, "issuer": _ISSUER, "algorithm": "SHA1", "digits": DIGITS}
    return f"otpauth://totp/{label}?{urlencode({**asked, 'period': STEP_S})}"


def _opened(request: Request, account: StaffAccount, sealed: str, now: datetime) -> bytes | None:
    note = sealing.passing(request).open_note(Purpose.PROPOSAL, sealed, now, _owner(account))
    return None if note is None else base64.b64decode(note["secret"])


def _keys(request: Request) -> sealing.Seal:
    keys = sealing.lasting(request)
    if keys is None:
        raise problems.Refused(NO_KEYS)
    return keys


def _owner(account: StaffAccount) -> str:
    return f"{account.practice_id}/{account.staff_id}"
