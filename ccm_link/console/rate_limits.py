"""How often something may be tried: per account, per network address, per practice.

Two measures work together. Windows bound what one address, one account name and one practice can ask for at all.
A delay that doubles makes guessing slow: it counts wrong tries of one account *from one address*, so whoever guesses
elsewhere delays themselves and not the person. Where somebody guesses at one account from many addresses, browsers
in which that person signed in before go on working; all others wait.

All is kept in the memory of the one process that serves the console; a restart forgives.

Source: OWASP Application Security Verification Standard 5.0.0, 2.4.1 and 6.3.1, 2025; OWASP, "Slow Down Online Guessing
Attacks with Device Cookies".
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Final

from fastapi import Request
from limits import RateLimitItem, parse, parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException

from ccm_link.console import problems, surroundings
from ccm_link.console.problems import Problem
from ingest.people import SignedIn


class Deed(StrEnum):
    """What is limited."""

    SIGN_IN = "sign_in"
    CODE = "code"  # an invitation, a code from home, a code of a second factor
    ENROLMENT = "enrolment"  # of gateways
    EXPORT = "export"
    REPORT = "report"  # of time, by another system
    REQUEST = "request"  # of whatever, by somebody who is signed in


# Ours. A clinic's staff comes through one address and signs in at eight in the morning; a person signs in some times a
# day; a gateway claims once and renews every month, and a town's gateways may come through one provider's address.
_BY_ADDRESS: Final = {
    Deed.SIGN_IN: "60 per minute; 600 per hour",
    Deed.CODE: "20 per minute; 120 per hour",
    Deed.ENROLMENT: "20 per minute; 200 per hour",
    Deed.EXPORT: "30 per minute",
    Deed.REPORT: "",  # a token is looked at first
    Deed.REQUEST: "",  # a clinic comes through one address
}
_BY_ACCOUNT: Final = {
    Deed.SIGN_IN: "30 per minute; 200 per hour",
    Deed.CODE: "10 per 10 minutes",
    Deed.ENROLMENT: "",
    Deed.EXPORT: "10 per minute; 60 per hour",
    Deed.REPORT: "600 per minute",  # a month of a practice in some minutes
    # Twenty a second: no person and no decent program, but whoever copies everything.
    Deed.REQUEST: "1200 per minute",
}
_BY_PRACTICE: Final = {
    Deed.SIGN_IN: "300 per minute",
    Deed.CODE: "100 per minute",
    Deed.ENROLMENT: "",
    Deed.EXPORT: "60 per minute; 300 per hour",
    Deed.REPORT: "",
    Deed.REQUEST: "6000 per minute",
}
# Wrong tries from all addresses together after which only browsers known to the account may go on.
_STRANGERS: Final = parse("50 per hour")

_FREE_TRIES: Final = 4
_LONGEST_DELAY_S: Final = 120.0
_FORGOTTEN_AFTER_S: Final = 3600.0
_MOST_REMEMBERED: Final = 20_000

_MAKING: Final = threading.Lock()


class RateLimits:
    """The counts of one process."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._clock_s = clock_s
        self._lock = threading.Lock()
        # (account, address) → wrong tries in a row, when the last one was
        self._wrong: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def count(
        self, deed: Deed, *, address: str, account: str = "", practice: str = ""
    ) -> float | None:
        """Count a try; return how many seconds to wait where it is one too many, which is then not counted."""
        keys = (
            (_BY_ADDRESS[deed], "address", address),
            (_BY_ACCOUNT[deed], "account", account),
            (_BY_PRACTICE[deed], "practice", practice),
        )
        items = [
            (item, deed, kind, key)
            for text, kind, key in keys
            if text and key
            for item in parse_many(text)
        ]
        waits = [self._wait_s(*each) for each in items if not self._window.test(*each)]
        if waits:
            return max(waits)
        for each in items:
            self._window.hit(*each)
        return None

    def begin(self, account: str, address: str, *, is_known: bool) -> float | None:
        """Begin a try whose outcome is not known yet; it counts as wrong until :meth:`note_right`.

        Counted at once, so that tries sent side by side are not all the first.

        Args:
            account: Whose it is, as typed.
            address: Where the try comes from.
            is_known: Whether the person signed in with this browser before.

        Returns:
            None, or how many seconds the try has to wait; then it is not counted.
        """
        if not is_known and not self._window.test(_STRANGERS, "strangers", account):
            return self._wait_s(_STRANGERS, "strangers", account)
        now_s = self._clock_s()
        with self._lock:
            tries, last_s = self._wrong.get((account, address), (0, now_s))
            if now_s - last_s > _FORGOTTEN_AFTER_S:
                tries = 0
            if tries >= _FREE_TRIES:
                delay_s = min(2.0 ** (tries - _FREE_TRIES), _LONGEST_DELAY_S)
                if now_s < last_s + delay_s:
                    return last_s + delay_s - now_s
            self._wrong[account, address] = (tries + 1, now_s)
            self._wrong.move_to_end((account, address))
            while len(self._wrong) > _MOST_REMEMBERED:
                self._wrong.popitem(last=False)
        return None

    def note_wrong(self, account: str) -> None:
        """Remember, for all addresses together, that a try was wrong."""
        self._window.hit(_STRANGERS, "strangers", account)

    def note_right(self, account: str, address: str) -> None:
        """Forget the wrong tries of one account from one address."""
        with self._lock:
            self._wrong.pop((account, address), None)

    def _wait_s(self, item: RateLimitItem, *key: str) -> float:
        reset_at, _ = self._window.get_window_stats(item, *key)
        return max(1.0, reset_at - time.time())


def of(request: Request) -> RateLimits:
    """Return the counts of this process."""
    state = request.app.state
    with _MAKING:
        if not hasattr(state, "rate_limits"):
            state.rate_limits = RateLimits()
        found: RateLimits = state.rate_limits
    return found


def count(request: Request, deed: Deed, *, account: str = "", practice: str = "") -> float | None:
    """Count a try that comes from the request's address; return seconds to wait where it is one too many."""
    return of(request).count(deed, address=address_of(request), account=account, practice=practice)


def check(request: Request, deed: Deed, *, account: str = "", practice: str = "") -> None:
    """Count a try and refuse it where it is one too many.

    Raises:
        TooMany: 429, with the seconds to wait.
    """
    wait_s = count(request, deed, account=account, practice=practice)
    if wait_s is not None:
        raise TooMany(wait_s)


def enrolment(request: Request) -> None:
    """Count a gateway's claim or renewal.

    Raises:
        TooMany: 429, with the seconds to wait.
    """
    check(request, Deed.ENROLMENT)


def of_person(request: Request, who: SignedIn, deed: Deed) -> None:
    """Count what somebody does who is signed in.

    Raises:
        TooMany: 429, with the seconds to wait.
    """
    check(request, deed, account=str(who.staff_id or who.person_id), practice=str(who.practice_id))


class TooMany(HTTPException):
    """One try too many; answered with 429 and Retry-After."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(429, headers=headers(wait_s))


def too_many(wait_s: float) -> Problem:
    """Return what is told to whoever has to wait."""
    return replace(
        problems.TOO_MANY,
        what_to_do=f"Wait {_words(wait_s)} and try again. {problems.TOO_MANY.what_to_do}",
    )


def headers(wait_s: float) -> dict[str, str]:
    """Return the header that tells programs how long to wait. Source: RFC 9110, section 10.2.3, June 2022."""
    return {"Retry-After": str(math.ceil(wait_s))}


def _words(wait_s: float) -> str:
    if wait_s <= 90:
        seconds = math.ceil(wait_s)
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{math.ceil(wait_s / 60)} minutes"


def address_of(request: Request) -> str:
    """Return what is counted as one address: of IPv6 the network, which is what one household gets."""
    return counted_as(surroundings.network_of(request))


def counted_as(network: str) -> str:
    """Return what one asker's addresses have in common: an IPv4 address itself, the first 64 bits of an IPv6 one."""
    try:
        address = ipaddress.ip_address(network)
    except ValueError:
        return network
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return network
