"""A person who pairs a peripheral, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.pairing_window import News, PairingDesk


class Person:
    """Stands beside the peripheral and types its code, if it has one.

    Attributes:
        passkey: what the person types.
        news: what the person was told.
    """

    def __init__(self, passkey: str = "") -> None:
        self.passkey = passkey
        self.news: list[News] = []

    async def tell(self, news: News) -> None:
        self.news.append(news)

    async def ask_passkey(self) -> str:
        return self.passkey


def closed_desk() -> PairingDesk:
    """Return a desk at which nobody pairs."""
    return PairingDesk(lambda: 0.0)


@contextmanager
def pairing(address: str, person: Person | None = None) -> Iterator[PairingDesk]:
    """Yield a desk with an open window for one peripheral."""
    desk = PairingDesk(lambda: 0.0)
    with desk.open(address, 3600.0, person or Person()):
        yield desk
