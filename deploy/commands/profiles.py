"""``homevitals profiles``: the peripherals that are supported, and what to know about each."""

from __future__ import annotations

import argparse

from deploy import errors
from firmware_profiles import models, profile_text


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which profile to show."""
    parser.add_argument("profile", nargs="?", help="the profile to show in full")


def run(options: argparse.Namespace) -> int:
    """Print all profiles with the devices that they are for, or one in full."""
    if options.profile is None:
        for profile in models.profiles():
            print(f"{profile.profile_id:24} version {profile.version}  {profile.title}")
            print(f"{'':24} {profile_text.covers(profile)}")
        return 0
    found = [profile for profile in models.profiles() if profile.profile_id == options.profile]
    if not found:
        raise errors.DeployError(
            f"no device profile is called {options.profile!r}; “homevitals profiles” lists them"
        )
    print(profile_text.in_full(found[0]).strip())
    return 0
