"""Renewing the certificate: a new key each time, long before the old certificate ends.

Nothing here ever stops the capture of records. As long as the server gives no certificate the old one is used; when
that has expired, records wait in the outbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn, TypeVar

from gateway import enrolment_answer, enrolment_server, errors, identity, key_pair
from gateway import settings as gateway_settings
from gateway.backoff import Backoff
from gateway.enrolment_server import EnrolmentServer
from gateway.errors import EnrolmentReason
from gateway.rotation import Rotation

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

_RENEWAL_PATH: Final = "/enrol/v1/renewal"

# Part of a certificate's life over which a fleet's renewals are spread, and that passes at least between two: a clock
# that runs far ahead must not ask for one certificate after the other.
_SPREAD: Final = 20
# The wall clock may jump, so it is looked at again after this long.
_LOOK_AGAIN_S: Final = 3600.0
# After a refusal only a person can help; whether one has is asked a few times a day.
_REFUSED_PAUSE_S: Final = 6 * 3600.0
# How often the broker may refuse a new certificate before another one is asked for.
_REFUSALS: Final = 5
# By how much two clocks may differ before it is worth a line in the log.
_CLOCKS_AGREE_S: Final = 120.0


def due_at(generation: identity.Generation) -> datetime:
    """Return when a generation's certificate is to be renewed: from `renew_after`, spread by its serial number.

    The spread is the same whenever it is asked for, and different for each gateway: a twentieth of the life (of 45
    days: up to 54 hours), so that a fleet that was enrolled in one afternoon does not come back in one.
    """
    share = (generation.certificate.serial_number % 1000) / 1000
    return generation.renew_after + share * _least_pause(generation)


def renew(
    server: EnrolmentServer,
    generation: identity.Generation,
    folder: identity.IdentityFolder,
) -> tuple[identity.Generation, datetime]:
    """Exchange a generation for the next one, and return it with the server's time.

    1. Make a key and write it. 2. Ask, signed with the current key. 3. Check the answer: the same gateway, our key.
    4. Put it in place beside the current one. After a crash before 4 the current one is still there, and the next
    attempt makes another key.

    Raises:
        ServerAwayError: the server could not be asked, or its answer did not arrive.
        EnrolmentError: it refused, or its answer cannot be used.
        OSError: the disk refuses.
    """
    current = key_pair.from_pem(generation.access.key_file.read_bytes())
    key = key_pair.make()
    folder.begin(key_pair.to_pem(key))
    request = key_pair.signing_request(key)
    document = {
        "certificate": generation.access.certificate_file.read_bytes().decode("ascii", "replace"),
        "csr": key_pair.request_to_pem(request),
        "signature": key_pair.sign_renewal(current, request),
    }
    answer = enrolment_answer.read(enrolment_server.post(server, _RENEWAL_PATH, document), key)
    if answer.gateway_id != generation.access.gateway_id:
        raise errors.EnrolmentError(
            EnrolmentReason.OTHER_GATEWAY, "the server's certificate is for another gateway"
        )
    authority_file = generation.enrolment_authority_file
    authority_pem = authority_file.read_bytes() if authority_file else None
    content = answer.content(generation.enrolment_server, authority_pem)
    return folder.finish(content), answer.server_time


class Renewal:
    """The loop that keeps this gateway's certificate alive.

    Args:
        settings: Where the enrolment server is, if the settings say so.
        rotation: The identities in use.
        reconnect: Makes the uplink connect again.
        now: The gateway's clock, aware UTC.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        settings: gateway_settings.GatewaySettings,
        rotation: Rotation,
        reconnect: Callable[[], None],
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._folder = identity.IdentityFolder(settings.state_folder)
        self._rotation = rotation
        self._reconnect = reconnect
        self._now = now
        self._sleep = sleep
        self._backoff = Backoff(shortest_s=60.0, longest_s=_LOOK_AGAIN_S)
        self._least_quiet_s = 0.0  # how long this process asks for no further certificate
        self._is_hurried = False

    def hurry(self) -> None:
        """Renew at the next look, within the hour, although it is not time yet: new configuration keys come with it.

        Not twice within the least pause, however often this is called.
        """
        self._is_hurried = True

    async def run(self) -> NoReturn:
        """Renew whenever it is time, until cancelled."""
        while True:
            pause_s = await self._step()
            await self._sleep(pause_s)
            self._least_quiet_s -= pause_s

    async def _step(self) -> float:
        """Do what is due; return how long there is nothing to do, in seconds."""
        generation = self._rotation.newest
        now = self._now()
        if now >= generation.certificate.not_after:
            log.error(
                "certificate_expired",
                extra={"gateway_id": self._rotation.gateway_id, "generation": generation.number},
            )
        if not self._rotation.is_proved and self._rotation.refusals < _REFUSALS:
            return self._prove_again()
        wait_s = self._least_quiet_s
        if self._rotation.is_proved and not self._is_hurried:
            wait_s = max(wait_s, (due_at(generation) - now).total_seconds())
        if wait_s <= 0:
            return await self._renew(generation)
        self._backoff.reset()
        return min(wait_s, _LOOK_AGAIN_S)

    def _prove_again(self) -> float:
        """Have the newest generation tried again if the uplink went back to the one before."""
        if self._rotation.has_fallen_back:
            self._reconnect()
        return self._backoff.after_failure_s()

    async def _renew(self, generation: identity.Generation) -> float:
        try:
            server = self._server(generation)
            renewed, server_time = await _apart(lambda: renew(server, generation, self._folder))
        except errors.EnrolmentError as error:
            if error.reason is EnrolmentReason.REFUSED:
                log.error("renewal_refused", extra={"generation": generation.number})  # noqa: TRY400
                return _REFUSED_PAUSE_S
            return self._failed(error.reason)
        except (errors.GatewayError, key_pair.UnfitError, OSError) as error:
            return self._failed(type(error).__name__)
        ahead_s = (self._now() - server_time).total_seconds()
        if abs(ahead_s) > _CLOCKS_AGREE_S:
            log.warning("clock_differs_from_server", extra={"duration_s": round(ahead_s)})
        log.info("certificate_renewed", extra={"generation": renewed.number})
        self._is_hurried = False
        self._backoff.reset()
        self._least_quiet_s = _least_pause(renewed).total_seconds()
        self._rotation.add(renewed)
        self._reconnect()
        return self._backoff.after_failure_s()  # then the broker will have taken it, or not

    def _failed(self, reason: str) -> float:
        delay_s = self._backoff.after_failure_s()
        log.warning("renewal_failed", extra={"reason": reason, "delay_s": round(delay_s, 1)})
        return delay_s

    def _server(self, generation: identity.Generation) -> EnrolmentServer:
        """Return whom to ask: the settings have the last word, for a server that has moved."""
        authority_file = self._settings.enrolment_authority_file
        return enrolment_server.at(
            self._settings.enrolment_server or generation.enrolment_server,
            generation.enrolment_authority_file
            if authority_file == gateway_settings.NOT_SET
            else authority_file,
        )


def _least_pause(generation: identity.Generation) -> timedelta:
    certificate = generation.certificate
    return (certificate.not_after - certificate.not_before) / _SPREAD


async def _apart(work: Callable[[], _Result]) -> _Result:
    """Run blocking work in a thread that nobody waits for: stopping must not take as long as a server that is slow.

    Being cut off there is what a power cut would be, and the files are written for that.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_Result] = loop.create_future()

    def hand_over(settle: Callable[[Any], None], outcome: object) -> None:
        if not done.done():
            settle(outcome)

    def run() -> None:
        settle: Callable[[Any], None] = done.set_result
        outcome: object
        try:
            outcome = work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            settle, outcome = done.set_exception, error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(hand_over, settle, outcome)

    threading.Thread(target=run, name="renewal", daemon=True).start()
    return await done
