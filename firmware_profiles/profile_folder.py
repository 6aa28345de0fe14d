"""A site's own device profiles: every ``*.toml`` of one folder."""

from __future__ import annotations

from pathlib import Path

from firmware_profiles import errors, profile_file
from firmware_profiles.device_profile import DeviceProfile


def read(folder: Path) -> tuple[DeviceProfile, ...]:
    """Read a folder of profiles; none is left out because another is broken, all are refused together.

    Raises:
        ProfileError: with every mistake of every file, or because the folder cannot be read.
    """
    found: list[DeviceProfile] = []
    broken: list[str] = []
    try:
        texts = {
            path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.toml"))
        }
        folder.stat()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.ProfileError(
            f"{folder}: {type(error).__name__}; expected a folder of TOML files in UTF-8"
        ) from error
    for name, text in texts.items():
        try:
            found.append(profile_file.parse(name, text))
        except errors.ProfileError as error:
            broken.append(str(error))
    if broken:
        raise errors.ProfileError("\n".join(broken))
    return tuple(found)
