"""Read the server's settings file and the environment into the settings of all packages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from deploy import errors
from deploy.settings import SECTIONS, ProfilesSettings
from firmware_profiles import errors as leaf_errors
from firmware_profiles import models, profile_folder, settings_file
from firmware_profiles import settings as declaration

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Configuration:
    """All sections, resolved, each with the origin of every setting."""

    loaded: Mapping[str, declaration.Loaded[Any]]

    def get(self, section_type: type[S]) -> S:
        """Return the settings of one section."""
        for section, known in SECTIONS.items():
            if known is section_type:
                return cast("S", self.loaded[section].settings)
        raise LookupError(f"{section_type.__name__} is no section of the settings file")


def load(path: Path | None, environ: Mapping[str, str] | None = None) -> Configuration:
    """Return the settings: environment over file over default; the process then knows the site's device profiles.

    Args:
        path: The TOML file; None uses the environment and the defaults alone.
        environ: The environment; None means this process's own.

    Raises:
        ConfigurationError: the file cannot be read, or a setting is unknown or wrong; all problems at once. Or a
            device profile of the site is broken.
    """
    try:
        text = "" if path is None else settings_file.read(path)
    except leaf_errors.SettingsError as error:
        raise errors.ConfigurationError(f"the settings file cannot be used: {error}") from error
    try:
        loaded = declaration.load_text(text, SECTIONS, os.environ if environ is None else environ)
    except leaf_errors.SettingsError as error:
        where = "the environment" if path is None else str(path)
        lines = "\n".join(f"  - {problem}" for problem in error.problems)
        raise errors.ConfigurationError(
            f"the settings in {where} cannot be used:\n{lines}"
        ) from error
    configuration = Configuration(loaded)
    _know_profiles(configuration.get(ProfilesSettings).folder)
    return configuration


def _know_profiles(folder: Path) -> None:
    try:
        models.add(profile_folder.read(folder) if folder != Path() else ())
    except leaf_errors.ProfileError as error:
        raise errors.ConfigurationError(f"the device profiles cannot be used:\n{error}") from error
