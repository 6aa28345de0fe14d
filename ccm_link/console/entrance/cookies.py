"""Cookies: bound to the host, out of scripts' reach, and ignored where somebody put a second one there."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from fastapi import Request, Response

from ccm_link.console import surroundings

# "__Host-" makes the browser refuse the cookie without Secure, with a Domain or from a sub-domain.
# Source: RFC 6265bis (draft 20), section 4.1.3.2.
_HOST_PREFIX: Final = "__Host-"


def name_of(request: Request, name: str) -> str:
    """Return a cookie's name as the browser knows it; plain over http, which only serves this machine."""
    return _HOST_PREFIX + name if surroundings.of(request).is_https else name


def put(
    request: Request,
    response: Response,
    name: str,
    text: str,
    *,
    lifetime: timedelta | None = None,
    samesite: Literal["strict", "lax"] = "strict",
) -> None:
    """Hand a cookie to the browser.

    Args:
        request: Says how browsers reach the console.
        response: Carries the cookie.
        name: Without prefix.
        text: Cookie-safe characters.
        lifetime: How long the browser keeps it; None until it is closed.
        samesite: "lax" for what has to come back with a link from another site.
    """
    response.set_cookie(
        name_of(request, name),
        text,
        max_age=None if lifetime is None else int(lifetime.total_seconds()),
        path="/",
        secure=surroundings.of(request).is_https,
        httponly=True,
        samesite=samesite,
    )


def clear(request: Request, response: Response, name: str) -> None:
    """Make the browser forget a cookie."""
    response.delete_cookie(
        name_of(request, name),
        path="/",
        secure=surroundings.of(request).is_https,
        httponly=True,
        samesite="strict",
    )


def has(request: Request, name: str) -> bool:
    """Say whether the browser sent any cookie of this name, good or not."""
    return name_of(request, name) in request.cookies


def one(request: Request, name: str) -> str | None:
    """Return a cookie's text, or None for none or more than one: a second one was put there by somebody else."""
    wanted = name_of(request, name)
    found = [
        text.strip()
        for header in request.headers.getlist("cookie")
        for pair in header.split(";")
        for key, _, text in (pair.partition("="),)
        if key.strip() == wanted
    ]
    return found[0] if len(found) == 1 else None
