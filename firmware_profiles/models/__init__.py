"""The device profiles that this process knows: those we ship, a file per model family, and those a site has added.

Stored readings name a profile and its version, and are decoded again from it: no version that ever was may go. The
newest stands in ``<profile_id>.toml``, an older one in ``<profile_id>.v<version>.toml`` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import Final

from firmware_profiles import errors, profile_file
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.matching import Found, Seen


class Registry:
    """A set of profiles, in all their versions.

    Args:
        versions: every version of every profile; a site's own after ours.

    Raises:
        ProfileError: two are the same version of the same profile.
    """

    def __init__(self, versions: Iterable[DeviceProfile]) -> None:
        self._by_id: dict[tuple[str, int], DeviceProfile] = {}
        for profile in versions:
            known = self._by_id.setdefault((profile.profile_id, profile.version), profile)
            if known is not profile:
                raise errors.ProfileError(
                    f"{profile.profile_id} version {profile.version} is there twice; choose another name or version"
                )
        newest: dict[str, DeviceProfile] = {}
        for profile in self._by_id.values():
            known = newest.get(profile.profile_id, profile)
            newest[profile.profile_id] = max(known, profile, key=lambda one: one.version)
        self.newest: Final = dict(sorted(newest.items()))
        # Of equals the one that came last goes first: a site's own profile before the one that it was copied from.
        last_first = reversed(list(newest.values()))
        matches = [(match, profile) for profile in last_first for match in profile.match]
        self._by_specificity: Final = sorted(
            matches, key=lambda one: one[0].specificity, reverse=True
        )
        # What an advertisement cannot show must not outrank what it does, for how to pair depends on the choice: of
        # those that it fits equally well, the one that asks for the least else.
        self._by_visibility: Final = sorted(
            self._by_specificity,
            key=lambda one: (one[0].visible_specificity, -one[0].hidden_count),
            reverse=True,
        )

    @property
    def versions(self) -> tuple[DeviceProfile, ...]:
        """Every version of every profile."""
        return tuple(self._by_id.values())

    def get(self, profile_id: str, version: int) -> DeviceProfile | None:
        """Return one version of a profile, if it is known."""
        return self._by_id.get((profile_id, version))

    def match(self, seen: Seen) -> DeviceProfile | None:
        """Return the most specific profile that an advertisement may belong to, or None for an unknown device."""
        return next((one for match, one in self._by_visibility if match.may_be(seen)), None)

    def asks_for_strings(self, seen: Seen) -> bool:
        """Whether some profile that may fit wants to know the peripheral's Device Information."""
        return any(match.strings for match, _ in self._by_specificity if match.may_be(seen))

    def rematch(self, seen: Seen, found: Found) -> DeviceProfile | None:
        """Return the most specific profile that fits a connected peripheral, or None if none does."""
        return next((one for match, one in self._by_specificity if match.is_it(seen, found)), None)


def _shipped() -> Registry:
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    return Registry(
        profile_file.parse(file.name, file.read_text(encoding="utf-8"))
        for file in files
        if file.name.endswith(".toml")
    )


SHIPPED: Final = _shipped()
_known = SHIPPED


def known() -> Registry:
    """Return the profiles that this process knows."""
    return _known


def add(site_profiles: Iterable[DeviceProfile]) -> None:
    """Know these profiles besides those we ship, and no others of a site's.

    Raises:
        ProfileError: one of them is there already; then nothing has changed.
    """
    global _known  # noqa: PLW0603  # one process knows one set; it changes when its configuration does
    _known = Registry([*SHIPPED.versions, *site_profiles])


def profiles() -> tuple[DeviceProfile, ...]:
    """Return each profile in its newest version: what a gateway looks for and talks by."""
    return tuple(_known.newest.values())


def by_id(profile_id: str, version: int) -> DeviceProfile:
    """Return the profile that a record names.

    Raises:
        ProfileError: this process does not have it; the sender may be newer.
    """
    found = _known.get(profile_id, version)
    if found is None:
        raise errors.ProfileError
    return found


def newest(profile_id: str) -> DeviceProfile:
    """Return the newest version of a profile.

    Raises:
        ProfileError: this process has none of that name.
    """
    found = _known.newest.get(profile_id)
    if found is None:
        raise errors.ProfileError
    return found
