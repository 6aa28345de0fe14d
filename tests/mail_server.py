"""A mail server on this machine: what it has taken, and what it says instead of taking something."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller

from deploy import ports


@dataclass
class Postbox:
    """What was taken; ``answer`` is said to a message, ``to_recipient`` to an address, in the place of yes."""

    taken: list[Any] = field(default_factory=list)
    answer: str = ""
    to_recipient: str = ""

    @property
    def mails(self) -> list[EmailMessage]:
        parsed = (
            email.message_from_bytes(one.content, policy=email.policy.default) for one in self.taken
        )
        return [cast("EmailMessage", one) for one in parsed]

    @property
    def recipients(self) -> list[str]:
        """Who was written to, as names before the “@”, sorted."""
        return sorted(one.rcpt_tos[0].partition("@")[0] for one in self.taken)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.to_recipient:
            return self.to_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.answer:
            return self.answer
        self.taken.append(envelope)
        return "250 taken"


@contextmanager
def serve(postbox: Postbox, **options: Any) -> Iterator[int]:
    """Serve until the block ends; yield the port. ``options`` are those of aiosmtpd."""
    port = ports.free_port()
    controller = Controller(postbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
