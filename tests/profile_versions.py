"""Further versions of device profiles, known to this process for a while, as a release would bring them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from firmware_profiles import models
from firmware_profiles.device_profile import DeviceProfile


@contextmanager
def known(*profiles: DeviceProfile) -> Iterator[None]:
    """Add profiles to those that we ship."""
    by_id: Any = models._BY_ID
    added = {(profile.profile_id, profile.version): profile for profile in profiles}
    newest = models.newest_of_each([*models._VERSIONS, *profiles])
    with mock.patch.dict(by_id, added), mock.patch.object(models, "PROFILES", newest):
        yield
