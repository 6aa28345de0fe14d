"""The command ``homevitals-gateway``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.errors import ConfigurationError, ExitCode, GatewayError

# Everything heavy is imported by the command that needs it, so that --help stays quick.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, one of `ExitCode`."""
    options = build_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], ExitCode] = options.command
    try:
        return command(options)
    except GatewayError as error:
        print(f"homevitals-gateway: {error}", file=sys.stderr)
        return error.exit_code
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

    outbox = commands.add_parser("outbox", help="look at the records this gateway holds")
    outbox_commands = outbox.add_subparsers(required=True, metavar="COMMAND")
    listing = outbox_commands.add_parser("list", help="list the newest records")
    _add_config(listing)
    listing.add_argument("--limit", type=int, default=50, help="how many (50)")
    listing.add_argument("--json", action="store_true", help="one JSON object")
    listing.set_defaults(command=_outbox_list)

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
    profile_list.set_defaults(command=_profiles_list)
    show = profile_commands.add_parser("show", help="print a profile's support statement")
    show.add_argument("profile_id", metavar="PROFILE")
    show.set_defaults(command=_profiles_show)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("/etc/homevitals/gateway.toml"),
        metavar="FILE.toml",
        help="configuration (/etc/homevitals/gateway.toml)",
    )


def _run(options: argparse.Namespace) -> ExitCode:
    from firmware_profiles import logs
    from gateway import service, settings

    loaded = settings.load(_text_of(options.config), os.environ).settings
    settings.require_files(loaded)
    logs.configure(loaded.log_level)
    return service.run(loaded)


def _ward(options: argparse.Namespace) -> ExitCode:
    from firmware_profiles import logs
    from gateway.ward import home, process

    plan = home.load(_text_of(options.home), os.environ)
    logs.configure(plan.ward.log_level)
    return process.run(plan)


def _outbox_list(options: argparse.Namespace) -> ExitCode:
    from gateway import outbox, outbox_listing, settings

    loaded = settings.load(_text_of(options.config), os.environ).settings
    epoch, rows = outbox.latest(loaded.state_folder, options.limit)
    print(outbox_listing.as_json(epoch, rows) if options.json else outbox_listing.as_table(rows))
    return ExitCode.OK


def _config_check(options: argparse.Namespace) -> ExitCode:
    from gateway import settings

    loaded = settings.load(_text_of(options.config), os.environ)
    for name, origin in loaded.origins.items():
        print(f"{name} = {getattr(loaded.settings, name)}  ({origin})")
    settings.require_files(loaded.settings)
    return ExitCode.OK


def _profiles_list(options: argparse.Namespace) -> ExitCode:
    import json

    from firmware_profiles import models

    if options.json:
        names = ("profile_id", "version", "title", "kind")
        print(json.dumps([{n: getattr(profile, n) for n in names} for profile in models.PROFILES]))
        return ExitCode.OK
    for profile in models.PROFILES:
        print(f"{profile.profile_id:<20} {profile.version}  {profile.title}")
    return ExitCode.OK


def _profiles_show(options: argparse.Namespace) -> ExitCode:
    from firmware_profiles import models

    for profile in models.PROFILES:
        if profile.profile_id == options.profile_id:
            print(profile.support.strip())
            return ExitCode.OK
    known = ", ".join(profile.profile_id for profile in models.PROFILES)
    print(
        f"homevitals-gateway: no profile “{options.profile_id}”; there are {known}", file=sys.stderr
    )
    return ExitCode.USAGE


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"cannot read {path}: {why}") from error


if __name__ == "__main__":
    sys.exit(main())
