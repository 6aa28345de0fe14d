"""Further versions of device profiles, known to this process for a while, as a release would bring them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from firmware_profiles import models
from firmware_profiles.device_profile import DeviceProfile


@contextmanager
def known(*profiles: DeviceProfile) -> Iterator[None]:
    """Add profiles to those that we ship."""
    models.add(profiles)
    try:
        yield
    finally:
        models.add(())
