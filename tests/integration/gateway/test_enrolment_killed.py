"""Enrolment killed at each step that reaches the disk: the old identity or the new one is there, whole."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import enrolment, enrolment_server, errors, renewal
from gateway.handover import Discard
from gateway.identity import Generation, IdentityFolder
from gateway.outbox import Outbox
from tests.enrolment_server import CODE, GATEWAY, EnrolmentServer, serving
from tests.integration.gateway.far_end import captured

# For each line "FOLDER STEP" that it reads, forks a process that does the work in the folder and kills itself before
# that step (0: never), and prints how it ended and how many steps it had taken.
_DYING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from gateway import enrolment, enrolment_server, renewal
from gateway.handover import Discard
from gateway.identity import IdentityFolder

server, what, code = sys.argv[1], sys.argv[2], sys.stdin.readline()
DURABLE = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "socket.connect"}
steps, fatal = 0, 0

def step():
    global steps
    steps += 1
    if steps == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

def fsync(descriptor, original=os.fsync):
    step()
    original(descriptor)

def work(state):
    folder = IdentityFolder(state)
    if what == "renewal":
        renewal.renew(enrolment_server.at(server, None), folder.newest(), folder)
        return
    is_replacing = what == "replace"
    waiting = Discard(3) if is_replacing else None
    now = datetime.now(UTC)
    enrolment.claim(server, None, code, state, now, replace=is_replacing, waiting=waiting)

for line in sys.stdin:
    path, fatal = line.split()[0], int(line.split()[1])
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.fsync = fsync
        sys.addaudithook(lambda event, _: step() if event in DURABLE else None)
        work(Path(path))
        os.write(writer, str(steps).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(process, 0)
    with os.fdopen(reader) as counted:
        print(os.waitstatus_to_exitcode(status), counted.read() or 0, flush=True)
"""


@pytest.fixture
def server() -> Iterator[EnrolmentServer]:
    with serving(EnrolmentServer()) as server:
        yield server


class Victim:
    """A process that can be had killed at any step of one piece of work."""

    def __init__(self, server: EnrolmentServer, what: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DYING, server.address, what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(CODE)

    def work(self, state: Path, fatal: int) -> tuple[int, int]:
        """Return exit code (a signal is negative) and number of steps."""
        self._say(f"{state} {fatal}")
        assert self._process.stdout is not None
        code, steps = self._process.stdout.readline().split()
        return int(code), int(steps)

    def end(self) -> None:
        self._process.communicate(timeout=10)

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


def deaths(server: EnrolmentServer, template: Path, what: str, look: Callable[[Path], None]) -> int:
    """Do the work again and again, each time killed one step later; returns how often that was."""
    victim = Victim(server, what)
    try:
        whole = template.with_name("whole")
        copy(template, whole)
        server.codes.add(CODE)
        code, steps = victim.work(whole, 0)
        assert code == 0
        for fatal in range(1, steps + 1):
            state = template.with_name(f"killed-{fatal}")
            copy(template, state)
            server.codes.add(CODE)
            assert victim.work(state, fatal) == (-signal.SIGKILL, 0)
            exposed = [path for path in state.rglob("*") if path.stat().st_mode & 0o077]
            assert exposed == []
            look(state)
    finally:
        victim.end()
    return steps


def copy(template: Path, state: Path) -> None:
    if template.exists():
        shutil.copytree(template, state)


def whole_generations(state: Path) -> list[Generation]:
    """Return the generations, and fail if one that has a number is not whole."""
    folder = IdentityFolder(state)
    if not folder.is_there:
        return []
    whole = folder.usable()
    assert len(whole) == len(list(folder.path.glob("generation-*")))
    return whole


def claim_again(server: EnrolmentServer, state: Path) -> Generation:
    outbox = Outbox(state, datetime.now(UTC))
    count = outbox.waiting_count
    outbox.close()
    server.codes.add("A-NEW-CODE")
    return enrolment.claim(
        server.address,
        None,
        "A-NEW-CODE",
        state,
        datetime.now(UTC),
        replace=True,
        waiting=Discard(count),
    ).generation


def test_identity_is_absent_or_whole_when_the_first_enrolment_is_killed(
    server: EnrolmentServer, tmp_path: Path
) -> None:
    seen: set[int] = set()

    def look(state: Path) -> None:
        found = whole_generations(state)
        seen.add(len(found))
        if not found:
            with pytest.raises(errors.IdentityError):
                IdentityFolder(state).newest()
        again = claim_again(server, state)
        assert whole_generations(state) == [again]

    steps = deaths(server, tmp_path / "template", "claim", look)
    assert steps > 15
    assert seen == {0, 1}


def test_old_or_new_identity_is_there_and_no_record_changes_its_name_when_a_replacement_is_killed(
    server: EnrolmentServer, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    old = enrolment.claim(server.address, None, CODE, template, datetime.now(UTC)).generation
    outbox = Outbox(template, datetime.now(UTC))
    for number in range(3):
        outbox.append(captured(number))
    outbox.close()
    server.gateway_id = "gw-another1"
    seen: set[tuple[str, int]] = set()

    def look(state: Path) -> None:
        newest = whole_generations(state)[0].access.gateway_id
        outbox = Outbox(state, datetime.now(UTC))
        seen.add((newest, outbox.waiting_count))
        outbox.close()

    deaths(server, template, "replace", look)
    # Never the new name with the old records, and never some of them.
    assert seen == {(GATEWAY, 3), (GATEWAY, 0), ("gw-another1", 0)}
    assert whole_generations(template) == [old]


def test_current_pair_is_there_when_a_renewal_is_killed(
    server: EnrolmentServer, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    current = enrolment.claim(server.address, None, CODE, template, datetime.now(UTC)).generation
    seen: set[int] = set()

    def look(state: Path) -> None:
        found = whole_generations(state)
        seen.add(len(found))
        assert found[-1].certificate == current.certificate
        asked = enrolment_server.at(server.address, None)
        folder = IdentityFolder(state)
        again, _ = renewal.renew(asked, folder.newest(), folder)
        assert whole_generations(state)[0] == again

    deaths(server, template, "renewal", look)
    assert seen == {1, 2}
