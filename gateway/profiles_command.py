"""``homevitals-gateway profiles``: the peripherals that this gateway knows, the site's own among them."""

from __future__ import annotations

import argparse
import json
import sys

from firmware_profiles import models, profile_text
from gateway import site_profiles
from gateway.errors import ExitCode
from gateway.settings import GatewaySettings


def show_list(options: argparse.Namespace, settings: GatewaySettings | None) -> ExitCode:
    """List them; without settings those of the release.

    Raises:
        ConfigurationError: one of the site's own is broken.
    """
    _know(settings)
    if options.json:
        names = ("profile_id", "version", "title", "kinds", "models")
        print(
            json.dumps([{n: getattr(profile, n) for n in names} for profile in models.profiles()])
        )
        return ExitCode.OK
    for profile in models.profiles():
        print(f"{profile.profile_id:<28} {profile.version}  {profile.title}")
        print(f"{'':<28}    {profile_text.covers(profile)}")
    return ExitCode.OK


def show(options: argparse.Namespace, settings: GatewaySettings | None) -> ExitCode:
    """Print all that is to be known about one.

    Raises:
        ConfigurationError: one of the site's own is broken.
    """
    _know(settings)
    for profile in models.profiles():
        if profile.profile_id == options.profile_id:
            print(profile_text.in_full(profile).strip())
            return ExitCode.OK
    known = ", ".join(profile.profile_id for profile in models.profiles())
    print(
        f"homevitals-gateway: no profile “{options.profile_id}”; there are {known}", file=sys.stderr
    )
    return ExitCode.USAGE


def _know(settings: GatewaySettings | None) -> None:
    if settings is not None:
        site_profiles.know(settings)
