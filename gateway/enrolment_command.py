"""What ``homevitals-gateway enrol`` and ``identity show`` do, in words."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from firmware_profiles import topics
from gateway import enrolment, errors, handover, identity, identity_report
from gateway import settings as gateway_settings
from gateway.errors import EnrolmentReason, ExitCode
from gateway.settings import GatewaySettings

# Longer than any code; whatever else lies in the file is not read.
_MOST_READ_BYTES: Final = 512
# Less than the few minutes by which certificates begin early.
_CLOCKS_AGREE_S: Final = 120.0


def enrol(options: argparse.Namespace, settings: GatewaySettings | None) -> ExitCode:
    """Claim this gateway with the options of the command line and, behind them, the configuration.

    Raises:
        GatewayError: it did not work; the text says what became of the code and what to do.
    """
    if settings is not None and settings.gateway_id:
        raise errors.ConfigurationError(
            f"the configuration names certificate and key by hand, and they would be used instead: remove"
            f" {', '.join(gateway_settings.BY_HAND)} from it first"
        )
    server = options.server or (settings.enrolment_server if settings else "")
    if not server:
        raise errors.ConfigurationError(
            "which server? Give --server https://… or enrolment_server in the configuration"
        )
    waiting = _waiting(options)
    code = _code(options.code_file)
    state_folder = _state_folder(options, settings)
    claimed = enrolment.claim(
        server,
        _authority(options, settings),
        code,
        state_folder,
        datetime.now(UTC),
        replace=options.replace,
        waiting=waiting,
    )
    print(f"enrolled; the identity lies in {state_folder}")
    print(identity_report.as_text(claimed.generation, datetime.now(UTC)))
    if claimed.discarded_count:
        print(f"{claimed.discarded_count} waiting records were deleted")
    _tell_clock(claimed.clock_ahead_s)
    return ExitCode.OK


def show(options: argparse.Namespace, settings: GatewaySettings | None) -> ExitCode:
    """Print the identity in the state folder.

    Raises:
        IdentityError: there is none that can be used.
    """
    generation = identity.IdentityFolder(_state_folder(options, settings)).newest()
    write = identity_report.as_json if options.json else identity_report.as_text
    print(write(generation, datetime.now(UTC)))
    return ExitCode.OK


def _waiting(options: argparse.Namespace) -> handover.Waiting:
    if options.keep_for is not None:
        if re.fullmatch(topics.GATEWAY_ID_PATTERN, options.keep_for) is None:
            raise errors.ConfigurationError(
                "--keep-for takes a gateway's name: “gw-” and eight of a-z, 0-9"
            )
        return handover.KeepFor(options.keep_for)
    return None if options.discard is None else handover.Discard(options.discard)


def _code(code_file: Path | None) -> str:
    """Read the claim code from the file, the terminal or standard input."""
    if code_file is not None:
        try:
            with code_file.open("rb") as file:
                line = file.readline(_MOST_READ_BYTES)
        except OSError as error:
            raise errors.ConfigurationError(f"cannot read {code_file}: {error.strerror}") from error
        return line.decode("utf-8", "replace")
    if not sys.stdin.isatty():
        return sys.stdin.buffer.readline(_MOST_READ_BYTES).decode("utf-8", "replace")
    try:
        # It shows while it is typed: it counts once, and five typing errors would void it.
        return input("Claim code: ")
    except EOFError:
        raise errors.EnrolmentError(EnrolmentReason.BAD_CODE, "no claim code was given") from None


def _state_folder(options: argparse.Namespace, settings: GatewaySettings | None) -> Path:
    folder: Path | None = options.state_folder
    if folder is not None:
        return folder
    return settings.state_folder if settings else gateway_settings.STATE_FOLDER


def _authority(options: argparse.Namespace, settings: GatewaySettings | None) -> Path | None:
    authority: Path | None = options.authority
    if authority is not None or settings is None:
        return authority
    configured = settings.enrolment_authority_file
    return None if configured == gateway_settings.NOT_SET else configured


def _tell_clock(ahead_s: float) -> None:
    if abs(ahead_s) <= _CLOCKS_AGREE_S:
        return
    direction = "ahead of" if ahead_s > 0 else "behind"
    print(
        f"homevitals-gateway: this machine's clock is {abs(ahead_s) / 60:.0f} minutes {direction} the server's: set it,"
        " or the broker may refuse this gateway and readings get wrong times",
        file=sys.stderr,
    )
