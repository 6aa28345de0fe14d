"""Signing in and out: passwords, tokens, cookies.

The cookie holds 256 random bits, the database their SHA-256: who reads the table cannot sign in with it. A token is
made at every sign-in and never before, so none can be planted.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import Final

import argon2
from fastapi import Request, Response

from ccm_link.console import surroundings
from ingest import people
from ingest.people import SignedIn, StaffAccount

_TOKEN_BYTES: Final = 32
# "__Host-" makes the browser refuse the cookie without Secure, with a Domain or from a sub-domain.
# Source: RFC 6265bis (draft 20), section 4.1.3.2.
_COOKIE_ON_HTTPS: Final = "__Host-homevitals"
_COOKIE_ON_LOOPBACK: Final = "homevitals"

_HASHER: Final = argon2.PasswordHasher()
# An unknown name costs the same work as a known one: this stands in for the hash that is not there.
_NOBODYS_HASH: Final = _HASHER.hash(secrets.token_urlsafe(_TOKEN_BYTES))
# Each check takes 64 MiB for a moment; a crowd at the door waits instead of eating the machine's memory.
_AT_THE_DOOR: Final = threading.BoundedSemaphore(4)


def is_password_of(account: StaffAccount | None, password: str) -> bool:
    """Check a password; takes as long for a name that nobody has."""
    expected = _NOBODYS_HASH if account is None else account.password_argon2
    with _AT_THE_DOOR:
        try:
            _HASHER.verify(expected, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    return account is not None


def sign_in(request: Request, sign_in_name: str, password: str) -> tuple[StaffAccount, str] | None:
    """Open a session, ending the one that the browser may still have.

    Returns:
        The account and the cookie's new token; ``None`` where name and password do not belong together.
    """
    here = surroundings.of(request)
    with here.pool.connection() as connection, connection.cursor() as cur:
        account = people.find_staff(cur, sign_in_name)
    if not is_password_of(account, password) or account is None:
        return None
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with here.pool.connection() as connection, connection.cursor() as cur:
        former = _token_of(request)
        if former is not None:
            people.close_session(cur, _digest(former))
        people.open_session(cur, account, _digest(token), here.clock())
    return account, token


def signed_in(request: Request) -> SignedIn | None:
    """Return whose living session the request's cookie names, and keep the session alive."""
    token = _token_of(request)
    if token is None:
        return None
    here = surroundings.of(request)
    with here.pool.connection() as connection, connection.cursor() as cur:
        return people.session(cur, _digest(token), here.clock())


def sign_out(request: Request) -> None:
    """End the session that the request's cookie names, if there is one."""
    token = _token_of(request)
    if token is not None:
        with surroundings.of(request).pool.connection() as connection, connection.cursor() as cur:
            people.close_session(cur, _digest(token))


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Hand the token to the browser; it forgets it when it is closed."""
    response.set_cookie(
        _cookie_name(request),
        token,
        path="/",
        secure=surroundings.of(request).is_https,
        httponly=True,
        samesite="strict",
    )


def clear_cookie(request: Request, response: Response) -> None:
    """Make the browser forget the token."""
    response.delete_cookie(
        _cookie_name(request),
        path="/",
        secure=surroundings.of(request).is_https,
        httponly=True,
        samesite="strict",
    )


def has_cookie(request: Request) -> bool:
    """Say whether the browser sent any session cookie, good or not."""
    return _cookie_name(request) in request.cookies


def _cookie_name(request: Request) -> str:
    return _COOKIE_ON_HTTPS if surroundings.of(request).is_https else _COOKIE_ON_LOOPBACK


def _token_of(request: Request) -> str | None:
    """Return the token, or ``None`` for none or more than one: a second cookie was put there by somebody else."""
    name = _cookie_name(request)
    tokens = [
        text.strip()
        for header in request.headers.getlist("cookie")
        for pair in header.split(";")
        for key, _, text in (pair.partition("="),)
        if key.strip() == name
    ]
    return tokens[0] if len(tokens) == 1 else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
