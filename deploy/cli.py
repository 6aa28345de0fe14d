"""``homevitals``: the commands of the server. Each command's module is imported only when it runs."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# Command → what it does; the module deploy/commands/<command>.py has `arguments(parser)` and `run(options)`.
_COMMANDS: Final = {
    "ingest": "take readings from the broker into the store; read stored bytes again, import, export",
    "alerts": "try rules on the readings of the past, put them in force, list them",
    "evaluate": "evaluate stored readings against the rules and open tasks",
    "notify": "call people about what nobody has acknowledged; try a channel out",
    "ehr": "send what happens to EHRs and other platforms; see what did not arrive, send it again, match patients",
    "schedule": "do what happens by the clock: partitions, old sessions, months worked out, watching",
    "console": "serve the console and the HTTP API",
    "signer": "sign gateways' certificates; the one process with the gateway authority's key",
    "broker": "write the broker's configuration, for Mosquitto or EMQX",
    "guard": "keep the broker's revocation list and cut off revoked gateways",
    "doctor": "look at everything that has to be right before and while the system runs",
    "audit": "seal the audit trail, check it, export it as FHIR",
    "time": "check the hash chain of the time log",
    "month": "work a practice's month out, and close it",
    "claims": "list claims, write attested ones into a file, record what became of them",
    "practice": "add a practice, name its OpenID provider",
    "patients": "take in a practice's panel from a file",
    "staff": "add people and print their invitations, close accounts",
    "config": "check the settings and show where each comes from",
    "backup": "copy the whole database, check copies, put one back",
    "db": "move the readings of a database to TimescaleDB",
    "migrate": "bring the database to this version",
    "packet": "write all that a reviewer of a patient's month may ask for, and check such a file",
    "way": "print the whole way of one reading",
    "quarantine": "list what could not become data, show one record with its bytes, send records through ingest again",
    "gateway": "say what gateways connect to and at which pace, and see how far they follow",
    "gaps": "list the numbers of gateways' outboxes that have not arrived",
    "profiles": "list the supported device profiles, or show one",
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands, without importing any of them."""
    parser = argparse.ArgumentParser(
        prog="homevitals",
        description="From a vital sign measured at home to the care it leads to, with proof of every step.",
        epilog="Exit status: 0 ok, 1 failure, 2 wrong use, 3 settings, 4 a service cannot be reached, 130 interrupted.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, words in _COMMANDS.items():
        commands.add_parser(name, help=words, description=words, add_help=False)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no traceback for want of a letter
    try:
        try:
            return _main(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            print(end="", flush=True)  # here it is noticed if the reader of a pipe has left
    except BrokenPipeError:
        # Nothing to say to nobody; what is left of the output goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _main(words: Sequence[str]) -> int:
    parser = build_parser()
    options, rest = parser.parse_known_args(words[:1])
    if options.version:
        from importlib.metadata import version

        print(version("homevitals"))
        return 0
    if options.command is None:
        if rest or words:
            parser.error(f"unknown words: {' '.join(words)}")
        parser.print_help()
        return 2
    return _run(options.command, words[1:])


def _run(name: str, words: Sequence[str]) -> int:
    from importlib import import_module

    import psycopg

    from deploy import errors, start_conditions

    command = import_module(f"deploy.commands.{name}")
    parser = argparse.ArgumentParser(prog=f"homevitals {name}", description=_COMMANDS[name])
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings file (TOML); the environment wins over it",
    )
    command.arguments(parser)
    options = parser.parse_args(words)
    try:
        action = getattr(options, "action", None) or ""
        start_conditions.require(f"{name} {action}".strip(), options.config)
        return int(command.run(options))
    except errors.DeployError as error:
        print(f"homevitals: {error}", file=sys.stderr)
        return error.exit_code
    except psycopg.OperationalError as error:
        # Never the message: it may hold the connection string.
        print(
            f"homevitals: the database cannot be reached or refused (SQLSTATE {error.sqlstate or 'none'}); "
            "check “database” with “homevitals config”",
            file=sys.stderr,
        )
        return 4
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
