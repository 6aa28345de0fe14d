"""The broker's guard: keeps the revocation list where the broker reads it, and cuts revoked gateways off.

Revoking is a row in the database. The guard makes it true at the broker, in an order in which every step can be
repeated after a crash at any point, and only the last one is remembered:

1. the list with the revoked serial numbers is written, 2. the broker reads it, from when on it refuses the certificate,
3. the session that is left is ended, 4. the database is told (``cut_off_at``), together with the audit trail.

Ingest looks at the gateway's state with every message as well, so nothing that arrives in between becomes data.
EMQX takes its list from elsewhere (see deploy/emqx.py), and its HTTP interface, which would ban a gateway, is not
spoken here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import tenacity

from deploy import broker_reload, errors, revocation_list, session_takeover
from deploy.broker_settings import GuardSettings
from ingest import audit, fleet, named_queries, signing, tenancy
from ingest import errors as ingest_errors

log = logging.getLogger(__name__)

_Q: Final = named_queries.load("deploy", "broker_guard")
_SHORTEST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 20.0
# A new generation of the authority is announced by its certificate alone, so it is asked for without need.
_ASK_EVERY: Final = timedelta(minutes=10)
# How long a signer that is away is left alone while the list that is there still does.
_ASK_AGAIN: Final = timedelta(minutes=1)
_AGENT: Final = audit.Agent(audit.AgentKind.SERVICE, agent_id="guard")
# What passes: the service that is away comes back, and the same step is tried again.
_PASSING: Final = (
    psycopg.OperationalError,
    ingest_errors.SignerAway,
    errors.GuardError,
    OSError,
)


def utc_now() -> datetime:
    """Return the system's time."""
    return datetime.now(UTC)


class Guard:
    """One guard of one broker."""

    def __init__(
        self,
        settings: GuardSettings,
        stop: threading.Event,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._clock = clock
        self._signer = signing.Signer(settings.signer_socket)
        self._listener = session_takeover.ServiceListener(
            settings.broker_host,
            settings.broker_port,
            settings.ca_file,
            settings.certificate_file,
            settings.key_file,
        )
        # Unknown at the beginning: a guard may have ended between writing the list and having it read.
        self._is_read: bool | None = None
        self._ask_at = datetime.min.replace(tzinfo=UTC)
        self._second_looks: list[tuple[datetime, str]] = []

    def run(self) -> None:
        """Watch until ``stop`` is set; whatever is away meanwhile is tried again."""
        while not self._stop.is_set():
            try:
                connection = self._until_it_works(self._begin)
            except tenacity.RetryError:  # told to stop
                return
            with connection:
                self._watch(connection)

    def write_list(self) -> None:
        """Write the revocation list and the authority's certificates if they are not up to date.

        Raises:
            SignerAway: the signer does not answer.
            BadRevocationList: what it sent cannot be used.
        """
        with psycopg.connect(self._settings.database) as connection, connection.cursor() as cur:
            self._keep_list(fleet.revoked_serials(cur))

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """Do what there is to do now; safe to repeat.

        Args:
            connection: In autocommit mode, role homevitals_guard.

        Raises:
            GuardError: some of it could not be done; what could was.
        """
        with connection.transaction(), connection.cursor() as cur:
            revoked = fleet.to_cut_off(cur)
            serials = fleet.revoked_serials(cur)
        if self._keep_list(serials):
            self._is_read = False
        self._have_list_read()
        failure: errors.GuardError | None = None
        for gateway in revoked:
            try:
                self._cut_off(connection, gateway)
            except errors.GuardError as error:  # the others need not wait for this one
                failure = error
        if failure is not None:
            raise failure
        self._look_again()

    def _begin(self) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = psycopg.connect(
            self._settings.database, autocommit=True, connect_timeout=10
        )
        try:
            self._take_turn(connection)
            self.look(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _take_turn(self, connection: psycopg.Connection[Any]) -> None:
        turn = connection.execute(_Q.take_turn).fetchone()
        if turn is None or not turn[0]:
            raise errors.AnotherGuard
        connection.execute(_Q.listen)

    def _watch(self, connection: psycopg.Connection[Any]) -> None:
        """Look again and again, until something fails that ``run`` tries anew."""
        try:
            while self._wait(connection):
                self.look(connection)
        except _PASSING as error:
            _tell(error)

    def _wait(self, connection: psycopg.Connection[Any]) -> bool:
        """Wait for a revocation or the next look; return False once it is time to stop."""
        slices = max(1, round(self._settings.poll_s))
        for _ in range(slices):
            if self._stop.is_set():
                return False
            if any(
                True
                for _ in connection.notifies(timeout=self._settings.poll_s / slices, stop_after=1)
            ):
                break
        return not self._stop.is_set()

    def _until_it_works(
        self, step: Callable[[], psycopg.Connection[Any]]
    ) -> psycopg.Connection[Any]:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_PASSING),
            wait=tenacity.wait_random_exponential(
                multiplier=2 * _SHORTEST_PAUSE_S, min=_SHORTEST_PAUSE_S, max=_LONGEST_PAUSE_S
            ),
            stop=tenacity.stop_when_event_set(self._stop),
            sleep=tenacity.sleep_using_event(self._stop),
            before_sleep=lambda state: _tell(state.outcome.exception() if state.outcome else None),
        )
        return retrying(step)

    def _keep_list(self, serials: list[signing.RevokedSerial]) -> bool:
        """Make the files hold a valid list with these serial numbers; return whether they changed."""
        settings, now = self._settings, self._clock()
        wanted = [revoked.serial for revoked in serials]
        present = revocation_list.read(settings.gateway_authority_file, settings.crl_file)
        if present is not None and not present.covers(wanted, now):
            present = None
        if present is not None and now < self._ask_at:
            return False
        try:
            fetched = self._fetch(serials)
        except ingest_errors.SignerAway:
            if present is None:
                raise
            log.warning("revocation_list_not_renewed")
            self._ask_at = now + _ASK_AGAIN
            return False
        if not fetched.covers(wanted, now):
            raise errors.BadRevocationList
        self._ask_at = now + _ASK_EVERY
        if present is not None and present.serves_as_well_as(fetched, now):
            return False
        revocation_list.write(fetched, settings.gateway_authority_file, settings.crl_file)
        log.info("revocation_list_written", extra={"count": len(fetched.serials)})
        return True

    def _have_list_read(self) -> None:
        settings = self._settings
        if self._is_read is None:
            self._is_read = broker_reload.has_read(settings.pid_file, settings.crl_file)
        if not self._is_read:
            broker_reload.reload(settings)
            self._is_read = True
            log.info("broker_reloaded")

    def _fetch(self, serials: list[signing.RevokedSerial]) -> revocation_list.Trust:
        # The certificates first: of a generation that is made in between there is then a list too many, not too few.
        authority = self._signer.authority()
        return revocation_list.checked(authority, self._signer.revocation_list(serials))

    def _cut_off(self, connection: psycopg.Connection[Any], gateway: fleet.ToCutOff) -> None:
        try:
            session_takeover.end_session(self._listener, gateway.gateway_id, self._settings.hold_s)
        except errors.GatewayReturned:
            self._is_read = False  # whatever we thought
            raise
        now = self._clock()
        with tenancy.transaction(connection, gateway.practice_id) as cur:
            if fleet.mark_cut_off(cur, gateway.practice_id, gateway.gateway_id, now):
                audit.record(cur, [_event(gateway, now)])
        self._second_looks.append(
            (now + timedelta(seconds=self._settings.second_look_s), gateway.gateway_id)
        )
        log.info("gateway_cut_off", extra={"gateway_id": gateway.gateway_id})

    def _look_again(self) -> None:
        """End once more the sessions of gateways that were cut off a while ago.

        Where the broker was not started again, a handshake that began before ends by the old list, however late.
        """
        now = self._clock()
        for look in [look for look in self._second_looks if look[0] <= now]:
            session_takeover.end_session(self._listener, look[1], self._settings.hold_s)
            self._second_looks.remove(look)


def run(settings: GuardSettings, stop: threading.Event) -> None:
    """Guard the broker until ``stop`` is set."""
    log.info("guard_started")
    Guard(settings, stop).run()
    log.info("guard_stopped")


def _event(gateway: fleet.ToCutOff, at: datetime) -> audit.Event:
    return audit.Event(
        gateway.practice_id,
        at,
        audit.Kind.GATEWAY_CUT_OFF,
        audit.Action.EXECUTE,
        _AGENT,
        purpose=audit.Purpose.SYSTEM_ADMINISTRATION,
        resource=fleet.RESOURCE,
        resource_id=gateway.gateway_id,
        detail={"revoked_at": gateway.revoked_at.isoformat()},
    )


def _tell(error: BaseException | None) -> None:
    if isinstance(error, errors.AnotherGuard):
        log.info("guard_stands_by")
        return
    sqlstate = error.sqlstate if isinstance(error, psycopg.Error) else None
    log.warning(
        "guard_tries_again", extra={"error": type(error).__name__, "sqlstate": sqlstate or ""}
    )
