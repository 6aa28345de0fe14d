"""``./deploy/up``: everything on one machine, until Ctrl-C.

With ``--check`` the same without a terminal: follow one reading to its time entry, print its way, stop.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deploy import check, configuration, errors, settings
from deploy import stack as stacks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 ok, 1 failure, 3 settings, 4 missing, 130 interrupted."""
    options = _parser().parse_args(arguments)
    state_folder = options.state_folder.resolve()
    stop = threading.Event()
    _stop_on_signals(stop)
    try:
        wanted = configuration.load(options.config).get(settings.DeploySettings)
        with _alone(state_folder):
            if options.reset:
                stacks.reset(state_folder)
            stack = stacks.Stack(
                state_folder,
                wanted_ports=wanted.wanted_ports(),
                pace=wanted.check_pace if options.check else wanted.pace,
                now=lambda: datetime.now(UTC),
            )
            return _run(stack, stop, checks=options.check)
    except errors.DeployError as error:
        print(f"homevitals: {error}", file=sys.stderr)
        return error.exit_code


def _run(stack: stacks.Stack, stop: threading.Event, *, checks: bool) -> int:
    started_at = time.monotonic()
    try:
        if not _start(stack, stop):
            return 130
        if checks:
            check.follow_one_reading(stack, deadline=started_at + check.TIME_LIMIT_S)
            return 0
        _print_welcome(stack, started_at)
        while not stop.wait(1.0):
            for name in stack.keep_running():
                print(f"{name} had ended and was started again", file=sys.stderr)
        return 0
    finally:
        if sys.stderr.isatty():
            print("Stopping…", file=sys.stderr)
        stack.stop()


def _start(stack: stacks.Stack, stop: threading.Event) -> bool:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        line = bar.add_task("Starting")
        for words, step in stack.steps():
            bar.update(line, description=words)
            step()
            if stop.is_set():
                return False
    return True


def _print_welcome(stack: stacks.Stack, started_at: float) -> None:
    print(f"""
Homevitals is running ({time.monotonic() - started_at:.0f} s, readings stored on {stack.engine}).

  Console      {stack.console_url}""")
    practice = ""
    for sign_in in stack.demo.sign_ins:
        if sign_in.practice != practice:
            practice = sign_in.practice
            print(f"\n  {practice}")
        role = sign_in.role.replace("_", " ")
        print(f"    {sign_in.sign_in_name:20} password {sign_in.password}   {role}")
    print(f"""
  What to look at
    Worklist    tasks that real readings lead to, while you watch: three virtual homes go on measuring.
                Claim one, start the timer, complete it with a disposition.
    Patients    blood pressure and glucose of the last weeks, and each patient's own limits.
    Time        what you logged, and whether this month's 20 minutes are reached.
    Program     one patient in chronic care management, one monitored at home, one whom a program may suit, and one
                who died and left all of it.
    Month       what can be billed and why, as a clinician, who vouches for a claim, and as bea, who bills:
                choose the month before, attest a claim, write the file.
    Gateways    as an operator: each home's gateway was enrolled with a claim code; revoke one, and the broker
                shuts it out within seconds. Add another, and enrol it with the code you get:
                {sys.prefix}/bin/homevitals-gateway enrol --server {stack.console_url} --state-folder FOLDER
    Audit trail as an auditor: who looked at whom. Whether it is whole:
                {sys.prefix}/bin/homevitals audit verify --config {stack.server_file}
  One reading's whole way
    {sys.prefix}/bin/homevitals way --latest --practice millbrook --config {stack.server_file}
  Logs
    {stack.processes.log_folder}

Ctrl-C stops everything; the next start goes on with this data, “./deploy/up --reset” starts afresh.
""")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy/up",
        description="Run all of Homevitals on this machine, with three virtual homes that replay real readings.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="follow one reading to its time entry, print its way, stop",
    )
    parser.add_argument(
        "--reset", action="store_true", help="delete the data of earlier starts first"
    )
    parser.add_argument("--config", type=Path, help="TOML file with a [deploy] section")
    parser.add_argument(
        "--state-folder", type=Path, default=Path(".homevitals"), help="where everything is kept"
    )
    return parser


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise errors.DeployError(
                f"another “up” is running on {folder}: stop it first, or give --state-folder another folder"
            ) from None
        yield


def _stop_on_signals(stop: threading.Event) -> None:
    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)  # asked twice: the person does not want to wait
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)


if __name__ == "__main__":
    sys.exit(main())
