"""Further versions of device profiles, known to this process for a while, as a release would bring them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from firmware_profiles import models
from firmware_profiles.device_profile import DeviceProfile


@contextmanager
def known(*profiles: DeviceProfile) -> Iterator[None]:
    """Add profiles to those that we ship; a command reads its settings, and with them the site's, in between."""
    shipped = models.Registry([*models.SHIPPED.versions, *profiles])
    try:
        with mock.patch.object(models, "SHIPPED", shipped):
            models.add(())
            yield
    finally:
        models.add(())
