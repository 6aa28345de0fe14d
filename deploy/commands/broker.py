"""``homevitals broker config``: write the broker's configuration, for Mosquitto or EMQX."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy import configuration, emqx, mosquitto
from deploy.broker_settings import BrokerSettings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which broker and where to."""
    parser.add_argument("action", choices=["config"], help="config: write the configuration")
    parser.add_argument(
        "--broker", choices=["mosquitto", "emqx"], default="mosquitto", help="for which broker"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for the files"
    )
    parser.add_argument(
        "--mosquitto-version",
        metavar="VERSION",
        help="for a Mosquitto on another machine: its version, such as 2.0 or 2.1",
    )


def run(options: argparse.Namespace) -> int:
    """Write the files, and say what to do with them."""
    settings = configuration.load(options.config).get(BrokerSettings)
    # Absolute, because the broker does not start in this folder.
    folder: Path = options.out.absolute()
    if options.broker == "emqx":
        written = emqx.write_files(folder, settings)
        print(written.configuration_file)
        print(written.access_list_file)
        print(
            f"Add to emqx.conf: include {written.configuration_file}\n"
            "Not run on EMQX by us. EMQX reads no revocation list from a file: ban a revoked gateway there by hand.",
            file=sys.stderr,
        )
        return 0
    program = None
    if options.mosquitto_version is not None:
        program = mosquitto.Program("mosquitto", mosquitto.version_of(options.mosquitto_version))
    files = mosquitto.write_files(folder, settings, program)
    print(files.configuration_file)
    print(files.access_list_file)
    print(
        f"Make both readable for the user “{settings.run_as}” alone. Before the broker's first start run\n"
        f"“homevitals guard --once”: it writes {settings.crl_file} and\n"
        f"{settings.gateway_authority_file}. Then: {' '.join(files.command)}",
        file=sys.stderr,
    )
    return 0
