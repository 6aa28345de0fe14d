"""Ingest workers as processes of their own, and what their logs say of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ingest
from ingest.settings import IngestSettings

NAMES = ("ingest-1", "ingest-2")
PROCESS = """
import json, signal, sys, threading
from firmware_profiles import logs, settings
from ingest import service
from ingest.settings import IngestSettings
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
logs.configure("info")
loaded = settings.load(IngestSettings, json.loads(sys.argv[1]), {}, section="ingest")
service.run(loaded.settings, stop)
"""


class Processes:
    """Workers under their names, each with a log."""

    def __init__(
        self, settings: Callable[..., IngestSettings], conninfo: str, folder: Path
    ) -> None:
        self._settings = settings
        self._conninfo = conninfo
        self._folder = folder
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str = "ingest-1", sessions: int = 1) -> subprocess.Popen[bytes]:
        settings = self._settings(database=self._conninfo, worker_name=name, sessions=sessions)
        table = {
            key: str(entry) if isinstance(entry, Path) else entry
            for key, entry in asdict(settings).items()
        }
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", PROCESS, json.dumps(table)],
                cwd=Path(ingest.__file__).parents[1],
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        return process

    def log(self, name: str = "ingest-1") -> list[dict[str, Any]]:
        text = (self._folder / f"{name}.log").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def has_said(self, event: str, name: str = "ingest-1") -> bool:
        return any(line["event"] == event for line in self.log(name))

    def sessions(self, name: str) -> list[str]:
        """Return the sessions that a worker has now, or had when it died."""
        held: list[str] = []
        for line in self.log(name):
            if line["event"] == "ingest_started":
                held.clear()
            elif line["event"] == "session_taken":
                held.append(line["client_id"])
            elif line["event"] == "session_left":
                held.remove(line["client_id"])
        return sorted(held)
