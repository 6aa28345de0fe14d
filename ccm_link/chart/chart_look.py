"""How charts look: colours for a light and a dark page, measures for a desk and a phone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

# Names only: every reader's machine draws with the fonts it has.
FONT: Final = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"


class Theme(StrEnum):
    """What the drawing stands on."""

    LIGHT = "light"
    DARK = "dark"


class Size(StrEnum):
    """How much room there is."""

    WIDE = "wide"
    NARROW = "narrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours that keep 3:1 against the console's panels, text 4.5:1, and do not rest on telling red from green."""

    ink: str
    muted: str
    grid: str
    reading: str
    urgent: str
    clinical: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Measures of the plot in pixels; axis and labels stand outside of it."""

    width_px: int
    height_px: int
    font_px: int
    most_day_labels: int
    has_short_names: bool


@dataclass(frozen=True, slots=True)
class Look:
    """How one drawing is made."""

    palette: Palette
    frame: Frame

    @classmethod
    def of(cls, theme: Theme, size: Size) -> Self:
        """Return the look for a theme and a size."""
        return cls(_PALETTES[theme], _FRAMES[size])


_PALETTES: Final = {
    Theme.LIGHT: Palette(
        ink="#1b2733",
        muted="#4d5b67",
        grid="#dde4e8",
        reading="#1f6f94",
        urgent="#b3261e",
        clinical="#855000",
    ),
    Theme.DARK: Palette(
        ink="#eef3f5",
        muted="#aebcc5",
        grid="#33424b",
        reading="#6cb8dc",
        urgent="#ff9a90",
        clinical="#f0b657",
    ),
}
_FRAMES: Final = {
    Size.WIDE: Frame(
        width_px=940, height_px=300, font_px=13, most_day_labels=10, has_short_names=False
    ),
    Size.NARROW: Frame(
        width_px=240, height_px=240, font_px=13, most_day_labels=3, has_short_names=True
    ),
}
