"""The console as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from deploy import ports

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]

PROGRAM = """
import sys
from pathlib import Path
from ccm_link.console import service
from ccm_link.settings import CcmLinkSettings
from firmware_profiles import logs

logs.configure("INFO")
service.run(
    CcmLinkSettings(
        database=sys.argv[1],
        entrance_database=sys.argv[2],
        port=int(sys.argv[3]),
        secrets_key_file=Path(sys.argv[4]),
    )
)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_and_ends_cleanly_when_asked(
    database, tmp_path: Path, number: signal.Signals
) -> None:
    port = ports.free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PROGRAM,
            database.conninfo("homevitals_console"),
            database.conninfo("homevitals_entrance"),
            str(port),
            str(tmp_path / "console-secrets.keys"),
        ],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        deadline = time.monotonic() + 30
        while not ports.is_listening(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        answer = httpx.get(f"http://127.0.0.1:{port}/healthz?word=Thornquist")
        assert answer.text == "ok\n"
        assert "server" not in answer.headers
        process.send_signal(number)
        _, written = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    lines = [json.loads(line) for line in written.splitlines()]
    (request,) = [line for line in lines if line["event"] == "request"]
    assert (request["route"], request["status"]) == ("/healthz", 200)
    assert "Thornquist" not in written
