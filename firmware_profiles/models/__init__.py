"""The device profiles we ship: a module per model, whose docstring is its support statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from firmware_profiles import device_profile, errors
from firmware_profiles.models import and_ua_651ble, standard_cuff, standard_glucometer

# Every version there ever was: stored readings name theirs, and are decoded again from it. Most specific model first:
# `match` takes the first that fits, so the generic profiles stand last.
_VERSIONS: Final[tuple[device_profile.DeviceProfile, ...]] = (
    and_ua_651ble.PROFILE,
    standard_cuff.PROFILE,
    standard_glucometer.PROFILE,
)


def newest_of_each(
    versions: Iterable[device_profile.DeviceProfile],
) -> tuple[device_profile.DeviceProfile, ...]:
    """Return each profile in its newest version, in the order in which the profiles are first named."""
    found: dict[str, device_profile.DeviceProfile] = {}
    for profile in versions:
        known = found.get(profile.profile_id, profile)
        found[profile.profile_id] = max(known, profile, key=lambda one: one.version)
    return tuple(found.values())


# What a gateway looks for and talks by; older versions only read what was sent under them.
PROFILES: Final = newest_of_each(_VERSIONS)

_BY_ID: Final = {(profile.profile_id, profile.version): profile for profile in _VERSIONS}


def by_id(profile_id: str, version: int) -> device_profile.DeviceProfile:
    """Return the profile that a record names.

    Raises:
        ProfileError: this release does not have it; the sender may be newer.
    """
    try:
        return _BY_ID[profile_id, version]
    except KeyError:
        raise errors.ProfileError from None


def newest(profile_id: str) -> device_profile.DeviceProfile:
    """Return the newest version of a profile.

    Raises:
        ProfileError: this release has none of that name.
    """
    versions = [version for known, version in _BY_ID if known == profile_id]
    return by_id(profile_id, max(versions, default=0))


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
