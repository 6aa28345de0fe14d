"""The site's own device profiles: this process knows them once its settings are read."""

from __future__ import annotations

from firmware_profiles import errors as leaf_errors
from firmware_profiles import models, profile_folder
from firmware_profiles.device_profile import DeviceProfile
from gateway import errors
from gateway.settings import NOT_SET, GatewaySettings


def know(settings: GatewaySettings) -> None:
    """Know the profiles of the folder that the settings name besides those we ship.

    Raises:
        ConfigurationError: one of them is broken; with file, line and reason of every mistake.
    """
    folder = settings.profile_folder
    try:
        models.add(profile_folder.read(folder) if folder != NOT_SET else ())
    except leaf_errors.ProfileError as error:
        raise errors.ConfigurationError(f"the device profiles cannot be used:\n{error}") from error


def own() -> tuple[DeviceProfile, ...]:
    """Return the profiles that this process knows besides those we ship."""
    shipped = models.SHIPPED.versions
    return tuple(profile for profile in models.known().versions if profile not in shipped)
