"""One ingest worker as a process."""

from __future__ import annotations

import logging
import threading

from ingest import attribution, broker_probe
from ingest.consumer import Consumer
from ingest.settings import IngestSettings
from ingest.worker import Worker

log = logging.getLogger(__name__)


def run(settings: IngestSettings, stop: threading.Event) -> None:
    """Take readings from the broker into the store until ``stop`` is set.

    Several workers may run at once under different names; each receives every message, and what one
    has stored is a duplicate to the others.

    Raises:
        BrokerError: the worker cannot go on; starting it again is safe and loses nothing.
    """
    broker_probe.require(settings, stop)
    consumer = Consumer(settings)
    consumer.start()
    log.info("ingest_started", extra={"worker": settings.worker_name})
    try:
        with attribution.following(settings.database):
            Worker(settings, consumer, stop).run()
    finally:
        consumer.stop()
        log.info("ingest_stopped", extra={"worker": settings.worker_name})
