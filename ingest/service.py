"""One ingest worker as a process."""

from __future__ import annotations

import gc
import logging
import threading
from datetime import datetime
from typing import Final

from ingest import (
    attribution,
    broker_probe,
    configuration_courier,
    follower,
    hearing,
    redrive_requests,
)
from ingest.follower import Follower
from ingest.sessions import Sessions
from ingest.settings import IngestSettings
from ingest.worker import Worker

log = logging.getLogger(__name__)

_FOLLOWERS: Final = (
    Follower("attribution", attribution.follow, attribution.POLL_S),
    Follower("redrive", redrive_requests.follow, redrive_requests.POLL_S),
)
_COLLECT_AFTER: Final = 100_000  # objects made and not yet gone


def run(settings: IngestSettings, stop: threading.Event) -> None:
    """Take readings from the broker into the store until ``stop`` is set.

    Several workers may run at once under different names. They share the messages; what one of them leaves behind when
    it dies, the others take over.

    Raises:
        BrokerError: the worker cannot go on; starting it again is safe and loses nothing.
    """
    broker_probe.require(settings, stop)
    # What a batch is made of has no cycles and is gone with it. Looking for some, as often as Python does by itself,
    # took a fifth of the worker's time.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    sessions = Sessions(settings)
    log.info("ingest_started", extra={"worker": settings.worker_name})
    sessions.start()
    try:
        with (
            follower.following(settings.database, *_FOLLOWERS, _hearing(sessions)),
            configuration_courier.running(settings),
        ):
            Worker(settings, sessions, stop).run()
    finally:
        sessions.stop()
        log.info("ingest_stopped", extra={"worker": settings.worker_name})


def _hearing(sessions: Sessions) -> Follower:
    """Let others know whether the broker is heard, without whom silence could be anybody's."""

    def follow(connection: follower.Connection, at: datetime) -> None:
        hearing.note(connection, at, is_connected=sessions.is_connected)

    return Follower("hearing", follow, hearing.POLL_S)
