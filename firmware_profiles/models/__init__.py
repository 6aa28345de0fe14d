"""The device profiles we ship: a module per model, whose docstring is its support statement."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from firmware_profiles import device_profile, errors
from firmware_profiles.models import and_ua_651ble, standard_cuff, standard_glucometer

# Most specific first: `match` takes the first that fits, so the generic profiles stand last.
PROFILES: Final[tuple[device_profile.DeviceProfile, ...]] = (
    and_ua_651ble.PROFILE,
    standard_cuff.PROFILE,
    standard_glucometer.PROFILE,
)

_BY_ID: Final = {(profile.profile_id, profile.version): profile for profile in PROFILES}


def by_id(profile_id: str, version: int) -> device_profile.DeviceProfile:
    """Return the profile that a record names.

    Raises:
        ProfileError: this release does not have it; the sender may be newer.
    """
    try:
        return _BY_ID[profile_id, version]
    except KeyError:
        raise errors.ProfileError from None


def match(name: str | None, services: Collection[str]) -> device_profile.DeviceProfile | None:
    """Return the most specific profile for an advertisement, or None for an unknown device.

    Args:
        name: the advertised local name, if there was one.
        services: advertised service UUIDs in the form of `uuids.short_uuid`.
    """
    for profile in PROFILES:
        if profile.match.service not in services:
            continue
        if not profile.match.name_prefixes or (name or "").startswith(profile.match.name_prefixes):
            return profile
    return None
