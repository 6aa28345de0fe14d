"""The command ``homevitals-gateway``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway import given_words
from gateway.errors import ConfigurationError, ExitCode, GatewayError

if TYPE_CHECKING:
    from gateway.settings import GatewaySettings

_CONFIG: Final = Path("/etc/homevitals/gateway.toml")

# Everything heavy is imported by the command that needs it, so that --help stays quick.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, one of `ExitCode`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no traceback for want of a letter
    try:
        try:
            return _main(arguments)
        finally:
            print(end="", flush=True)  # here it is noticed if the reader of a pipe has left
    except BrokenPipeError:
        # Nothing to say to nobody; what is left of the output goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK


def _main(arguments: Sequence[str] | None) -> int:
    options = build_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], ExitCode] = options.command
    try:
        return command(options)
    except GatewayError as error:
        print(f"homevitals-gateway: {error}", file=sys.stderr)
        return error.exit_code
    except PermissionError as error:
        place = f" {error.filename}" if error.filename else " one of its files"
        print(
            f"homevitals-gateway: this user may not use{place}; run the command as the user that the gateway runs as"
            " (“sudo -u homevitals-gateway homevitals-gateway …”)",
            file=sys.stderr,
        )
        return ExitCode.FAILURE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="homevitals-gateway",
        description="Reads cuffs and glucometers over Bluetooth and hands their records to the server.",
        epilog="Exit codes: 0 done, 1 failure, 2 usage, 3 configuration, 4 something needed is not reachable,"
        " 130 interrupted.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the gateway until it is told to stop")
    _add_config(run)
    run.set_defaults(command=_run)

    ward = commands.add_parser("ward", help="run virtual peripherals and a radio to reach them")
    ward.add_argument(
        "--home", type=Path, required=True, metavar="FILE.toml", help="what stands in the home"
    )
    ward.set_defaults(command=_ward)

    _add_enrol(commands)
    _add_identity(commands)
    _add_pair(commands)

    outbox = commands.add_parser(
        "outbox", help="look at the records this gateway holds, send them again"
    )
    outbox_commands = outbox.add_subparsers(required=True, metavar="COMMAND")
    listing = outbox_commands.add_parser("list", help="list the newest records")
    _add_config(listing)
    listing.add_argument(
        "--limit", type=given_words.count, default=50, metavar="N", help="how many (50)"
    )
    listing.add_argument("--json", action="store_true", help="one JSON object")
    listing.set_defaults(command=_outbox, act="list")
    summary = outbox_commands.add_parser(
        "summary", help="say how much waits and since when, how much more may, what was ever lost"
    )
    _add_config(summary)
    summary.add_argument("--json", action="store_true", help="one JSON object")
    summary.set_defaults(command=_outbox, act="summary")

    resend = outbox_commands.add_parser(
        "resend",
        help="send again what the server has receipted, after it was restored from a backup",
        description="Lets records wait again whose receipt came since an instant. The gateway has to be stopped"
        " meanwhile. Records that the server has already are recognised and count once.",
    )
    resend.add_argument(
        "--since",
        required=True,
        type=given_words.instant,
        metavar="WHEN",
        help="2026-11-01T08:00:00Z, an hour before the backup, as the restore has printed it",
    )
    _add_config(resend)
    resend.set_defaults(command=_outbox, act="resend")

    _add_looks(commands)

    config = commands.add_parser("config", help="look at the configuration")
    config_commands = config.add_subparsers(required=True, metavar="COMMAND")
    check = config_commands.add_parser(
        "check", help="check it; show each setting and where it comes from"
    )
    _add_config(check)
    check.set_defaults(command=_config_check)

    profiles = commands.add_parser("profiles", help="look at the supported peripherals")
    profile_commands = profiles.add_subparsers(required=True, metavar="COMMAND")
    profile_list = profile_commands.add_parser("list", help="list the device profiles")
    profile_list.add_argument("--json", action="store_true", help="one JSON array")
    _add_config(profile_list)
    profile_list.set_defaults(command=_profiles, act="list")
    show = profile_commands.add_parser(
        "show", help="print what is to be known about a device: pairing, clock, quirks"
    )
    show.add_argument("profile_id", metavar="PROFILE")
    _add_config(show)
    show.set_defaults(command=_profiles, act="show")
    return parser


def _add_looks(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="look at everything that has to be right, and say what to do",
        description="Looks at clock, disk, radio, certificate, broker and outbox, beside the running gateway or without"
        " it. Changes nothing, shows nothing about patients. Ends with 1 if something is at fault.",
    )
    devices = commands.add_parser(
        "devices",
        help="list this home's peripherals: last read and heard, battery, loudness, bond",
    )
    readings = commands.add_parser(
        "readings",
        help="show the last readings in words, for whoever has just measured",
        description="Shows what was measured, on this terminal alone. Works beside the running gateway.",
    )
    readings.add_argument(
        "--limit", type=given_words.count, default=10, metavar="N", help="how many (10)"
    )
    for command, act in ((doctor, _doctor), (devices, _devices), (readings, _readings)):
        _add_config(command)
        command.add_argument("--json", action="store_true", help="as JSON")
        command.set_defaults(command=act)


def _add_identity(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    identity = commands.add_parser("identity", help="look at who this gateway is to the server")
    identity_commands = identity.add_subparsers(required=True, metavar="COMMAND")
    show_identity = identity_commands.add_parser(
        "show", help="show its name, until when its certificate is valid and when it is renewed"
    )
    _add_config(show_identity)
    _add_state_folder(show_identity)
    show_identity.add_argument("--json", action="store_true", help="one JSON object")
    show_identity.set_defaults(command=_identity_show)


def _add_pair(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    pair = commands.add_parser(
        "pair",
        help="pair a peripheral with this gateway",
        description="Opens a pairing window of the running gateway for one peripheral of this home, and says how it"
        " goes. Nobody pairs outside of such a window. A code that the peripheral shows is asked for, or read from"
        " standard input; never given on the command line.",
    )
    pair.add_argument(
        "address",
        nargs="?",
        type=given_words.address,
        metavar="ADDRESS",
        help="its Bluetooth address, AA:BB:CC:DD:EE:FF",
    )
    pair.add_argument("--list", action="store_true", help="list who is heard, the loudest first")
    pair.add_argument("--json", action="store_true", help="with --list: one JSON array")
    pair.add_argument(
        "--seconds",
        type=given_words.window_s,
        default=120.0,
        metavar="S",
        help=f"open for so long (120), at most {given_words.LONGEST_WINDOW_S}",
    )
    pair.add_argument("--if-needed", action="store_true", help="nothing if they are paired already")
    _add_config(pair)
    pair.set_defaults(command=_pair)


def _add_enrol(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    enrol = commands.add_parser(
        "enrol",
        help="exchange a claim code from the practice for this gateway's certificate",
        description="Makes a key on this gateway and exchanges a claim code for a certificate. The code is asked for,"
        " or read from standard input or a file; never given on the command line, where others on this machine see it.",
        allow_abbrev=False,  # or --code CODE would pass for --code-file
    )
    enrol.add_argument(
        "--server",
        metavar="https://…",
        help="address of the enrolment server (else from the configuration)",
    )
    enrol.add_argument(
        "--authority",
        type=Path,
        metavar="FILE",
        help="certificates (PEM) that the server's is checked against (else those of the system)",
    )
    enrol.add_argument(
        "--code-file",
        type=Path,
        metavar="FILE",
        help="read the claim code from here; delete it afterwards",
    )
    enrol.add_argument(
        "--replace", action="store_true", help="give up the identity that this gateway has"
    )
    waiting = enrol.add_mutually_exclusive_group()
    waiting.add_argument(
        "--keep-for",
        metavar="GATEWAY",
        help="the code is for this gateway (gw-…), whose records wait here: deliver them under it",
    )
    waiting.add_argument(
        "--discard",
        type=int,
        metavar="N",
        help="if the code is for another gateway, delete the N records that wait, for good",
    )
    _add_config(enrol)
    _add_state_folder(enrol)
    enrol.set_defaults(command=_enrol)


def _add_state_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state-folder", type=Path, metavar="FOLDER", help="instead of the configuration's"
    )


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=_CONFIG,
        metavar="FILE.toml",
        help=f"configuration ({_CONFIG})",
    )


def _run(options: argparse.Namespace) -> ExitCode:
    from firmware_profiles import logs
    from gateway import service, settings, site_profiles

    loaded = settings.load(_text_of(options.config), os.environ).settings
    settings.require_files(loaded)
    site_profiles.know(loaded)
    logs.configure(loaded.log_level)
    return service.run(loaded)


def _ward(options: argparse.Namespace) -> ExitCode:
    from firmware_profiles import logs
    from gateway.ward import home, process

    plan = home.load(_text_of(options.home), os.environ)
    logs.configure(plan.ward.log_level)
    return process.run(plan)


def _outbox(options: argparse.Namespace) -> ExitCode:
    from gateway import outbox_command

    act = {
        "list": outbox_command.show_list,
        "summary": outbox_command.show_summary,
        "resend": outbox_command.resend,
    }[options.act]
    return act(options, _loaded(options.config))


def _doctor(options: argparse.Namespace) -> ExitCode:
    from firmware_profiles import logs
    from gateway.doctor import command

    logs.configure("error")  # what matters is said in words
    return command.run(options, _loaded(options.config))


def _devices(options: argparse.Namespace) -> ExitCode:
    from gateway import devices_command

    return devices_command.show(options, _loaded(options.config))


def _readings(options: argparse.Namespace) -> ExitCode:
    from gateway import readings_command

    return readings_command.show(options, _loaded(options.config))


def _enrol(options: argparse.Namespace) -> ExitCode:
    from firmware_profiles import logs
    from gateway import enrolment_command

    logs.configure("error")  # what matters is said in words
    return enrolment_command.enrol(options, _loaded_if_there(options.config))


def _pair(options: argparse.Namespace) -> ExitCode:
    from gateway import pairing_command

    return pairing_command.pair(options, _loaded(options.config))


def _identity_show(options: argparse.Namespace) -> ExitCode:
    from gateway import enrolment_command

    return enrolment_command.show(options, _loaded_if_there(options.config))


def _config_check(options: argparse.Namespace) -> ExitCode:
    from gateway import following_report, identity_report, settings, site_profiles

    loaded = settings.load(_text_of(options.config), os.environ)
    for name, origin in loaded.origins.items():
        setting = getattr(loaded.settings, name)
        shown = "(not set)" if setting in {"", settings.NOT_SET} else setting
        print(f"{name} = {shown}  ({origin})")
    settings.require_files(loaded.settings)
    site_profiles.know(loaded.settings)
    print(identity_report.of_settings(loaded.settings, datetime.now(UTC)))
    print(following_report.of_settings(loaded.settings))
    return ExitCode.OK


def _profiles(options: argparse.Namespace) -> ExitCode:
    from gateway import profiles_command

    act = {"list": profiles_command.show_list, "show": profiles_command.show}[options.act]
    return act(options, _loaded_if_there(options.config))


def _loaded(path: Path) -> GatewaySettings:
    from gateway import settings

    return settings.load(_text_of(path), os.environ).settings


def _loaded_if_there(path: Path) -> GatewaySettings | None:
    """Return the settings; None if nobody has written the usual file yet."""
    from gateway import settings

    if path == _CONFIG and not path.exists():
        return None
    return settings.load(_text_of(path), os.environ).settings


def _text_of(path: Path) -> str:
    from firmware_profiles import settings_file
    from firmware_profiles.errors import SettingsError

    try:
        return settings_file.read(path)
    except SettingsError as error:
        raise ConfigurationError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
