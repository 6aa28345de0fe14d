"""The pairing window: opened by a person beside the gateway, for one named peripheral, for a short time.

Outside of it nobody pairs. Inside it the named peripheral may, in the way that its profile says: without a code, or
with the six digits that it shows and that the person enters. How BlueZ or bumble ask for these is their business; both
ask here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from firmware_profiles.device_profile import DeviceProfile, PairingMode
from gateway import errors

# Six decimal digits. Source: Bluetooth Core Specification 5.4, Vol 3 Part H, 2.3.5.3.
_PASSKEY: Final = re.compile(r"[0-9]{6}")
MOST_PASSKEY: Final = 999_999


class Stage(StrEnum):
    """How far a pairing is."""

    SEARCHING = "searching"
    UNKNOWN_MODEL = "unknown_model"  # in sight, but no profile fits
    FOUND = "found"  # in sight; connecting
    WORKING = "working"  # still at it
    TYPE_THERE = "type_there"  # the person has to type a code on the peripheral
    FAILED = "failed"  # this attempt; the window stays open
    PAIRED = "paired"


@dataclass(frozen=True, slots=True)
class News:
    """What the person is told while the window is open.

    Attributes:
        stage: how far it is.
        title: the model, as its profile names it; before it was connected, the name that it advertises.
        passkey: what to type on the peripheral (TYPE_THERE).
        words: why an attempt failed (FAILED), or what the first conversation came to (PAIRED).
    """

    stage: Stage
    title: str = ""
    passkey: int | None = None
    words: str = ""


class Operator(Protocol):
    """The person who has opened the window."""

    async def tell(self, news: News) -> None:
        """Say how far it is."""
        ...

    def ask_passkey(self) -> Coroutine[Any, Any, str]:
        """Return the digits that the peripheral shows, as they were typed."""
        ...


class PairingRefused(errors.GatewayError):
    """The pairing is refused; see `reason` in the log."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class Window:
    """One window.

    Args:
        address: Whom it is for; upper case with colons.
        operator: Who has opened it.
    """

    def __init__(self, address: str, operator: Operator) -> None:
        self.address = address
        self._operator = operator
        self._profile: DeviceProfile | None = None
        # A code was compared by a person: nobody sits between the two.
        self.is_authenticated = False
        # There was no bond before.
        self.is_new = True
        # An attempt is under way.
        self.is_trying = False
        self._end = News(Stage.SEARCHING)
        self._has_ended = asyncio.Event()
        self._question: asyncio.Task[str] | None = None

    @property
    def mode(self) -> PairingMode | None:
        """How to pair, or None as long as nobody knows what the peripheral is."""
        return None if self._profile is None else self._profile.pairing.mode

    async def note_found(
        self, profile: DeviceProfile, name: str | None = None, *, is_new: bool
    ) -> None:
        """Take note that the peripheral is there and that an attempt begins.

        Args:
            profile: What may fit it; more is known when it is connected.
            name: What it calls itself.
            is_new: Whether there is no bond yet.
        """
        self._profile = profile
        self.is_new = is_new
        self.is_trying = True
        self.is_authenticated = False
        await self._operator.tell(News(Stage.FOUND, title=name or profile.title))

    async def note_unknown(self, title: str) -> None:
        """Say that the peripheral is there under a name that no profile knows."""
        await self._operator.tell(News(Stage.UNKNOWN_MODEL, title=title))

    async def note_failed(self, words: str) -> None:
        """Say why an attempt failed; the next one may come."""
        self.is_trying = False
        await self._operator.tell(News(Stage.FAILED, words=words))

    def end(self, title: str, words: str) -> None:
        """Close the window: they are paired.

        Args:
            title: The model, as its profile names it.
            words: What the first conversation came to.
        """
        self.is_trying = False
        self._end = News(Stage.PAIRED, title=title, words=words)
        self._has_ended.set()

    async def wait(self, seconds: float, longest_attempt_s: float) -> News | None:
        """Return the end when it has come, or None if it has not come in time.

        Args:
            seconds: For how long.
            longest_attempt_s: An attempt that is under way by then may last for so long still.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._has_ended.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_attempt_s):
                while self.is_trying:  # noqa: ASYNC110  # it ends in several ways
                    await asyncio.sleep(0.1)
        return self._end if self._has_ended.is_set() else None

    def accept_without_code(self) -> None:
        """Agree to a pairing in which nobody compares anything.

        Raises:
            PairingRefused: the profile says that there has to be a code, or nobody knows the model yet.
        """
        if self.mode is not PairingMode.JUST_WORKS:
            raise PairingRefused("code_expected")

    async def passkey(self) -> int:
        """Return the code that the peripheral shows.

        Raises:
            PairingRefused: its model needs none, or the person has not typed one.
        """
        self._require_code()
        self.withdraw_question()
        self._question = asyncio.create_task(self._operator.ask_passkey())
        await asyncio.wait({self._question})
        if self._question.cancelled():
            raise PairingRefused("no_passkey")
        typed = self._question.result().replace(" ", "")
        if not _PASSKEY.fullmatch(typed):
            raise PairingRefused("no_passkey")
        self.is_authenticated = True
        return int(typed)

    async def confirm(self, passkey: int) -> None:
        """Agree if the peripheral shows the same code as we have; the person types what it shows.

        Raises:
            PairingRefused: it shows another one, or its model has no code to show.
        """
        if self.mode is PairingMode.JUST_WORKS:
            return  # the other side has nothing to show
        if await self.passkey() != passkey:
            self.is_authenticated = False
            raise PairingRefused("other_passkey")

    async def show(self, passkey: int) -> None:
        """Let the person type a code on the peripheral.

        Raises:
            PairingRefused: its model needs none.
        """
        self._require_code()
        self.is_authenticated = True
        await self._operator.tell(News(Stage.TYPE_THERE, passkey=passkey))

    def withdraw_question(self) -> None:
        """Ask for the code no longer: the pairing has failed meanwhile, or the window closes."""
        if self._question is not None:
            self._question.cancel()

    def _require_code(self) -> None:
        if self.mode is not PairingMode.PASSKEY:
            raise PairingRefused("code_not_expected")


class PairingDesk:
    """Where windows are opened; at most one is open at a time.

    Args:
        monotonic_s: A clock that never steps, in seconds.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._window: Window | None = None
        self._closes_at_s = 0.0

    def window_for(self, address: str | None) -> Window | None:
        """Return the open window if it is for this address."""
        window = self._window
        if window is None or window.address != address or self._monotonic_s() >= self._closes_at_s:
            return None
        return window

    def remaining_s(self) -> float:
        """Return how long the window will be open, in seconds."""
        return max(0.0, self._closes_at_s - self._monotonic_s()) if self._window else 0.0

    @contextlib.contextmanager
    def open(self, address: str, seconds: float, operator: Operator) -> Iterator[Window]:
        """Open a window, until the block ends and for so long at most.

        Raises:
            ControlError: another one is open.
        """
        if self._window is not None:
            raise errors.ControlError(
                "somebody is pairing a peripheral with this gateway already; let them finish, then try again"
            )
        self._window = Window(address, operator)
        self._closes_at_s = self._monotonic_s() + seconds
        try:
            yield self._window
        finally:
            self._window.withdraw_question()
            self._window = None

    def withdraw_question(self) -> None:
        """Let the person be asked for nothing any more."""
        if self._window is not None:
            self._window.withdraw_question()
