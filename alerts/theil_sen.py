"""Theil–Sen slopes with Sen's interval, over windows of many series at once. Pure.

The slope is the median of the slopes between all pairs of points. Sen's interval comes from how many of those slopes
lie on either side, by the variance of Kendall's statistic without ties.

Sources: Sen PK, J Am Stat Assoc 1968;63:1379–89; Gilbert RO, Statistical Methods for Environmental Pollution
Monitoring, 1987, chapter 16 (16.5, the interval by ranks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_NORMAL_95: Final = 1.959964
# So many slopes are sorted at once: what stays in a core's own cache is done in a third of the time.
_BLOCK_SLOPES: Final = 80_000


@dataclass(frozen=True, slots=True)
class Slopes:
    """For each window: slope and its 95 % interval, in units of y by units of x; NaN with too few points.

    Attributes:
        slope: float64 (n).
        low: float64 (n).
        high: float64 (n).
    """

    slope: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def slopes(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    min_points: int,
) -> Slopes:
    """Return the slope of each window of points ``starts[i] … ends[i]``.

    Args:
        x: float64 (n), ascending within a window.
        y: float64 (n).
        starts: int64 (n), first point of each window.
        ends: int64 (n), last point of each window.
        min_points: with fewer nothing is said.
    """
    found = Slopes(*(np.full(len(x), np.nan) for _ in range(3)))
    lengths = ends - starts + 1
    for length in np.unique(lengths[lengths >= min_points]):
        windows = np.flatnonzero(lengths == length)
        pairs = np.triu_indices(length, k=1)
        step = max(1, _BLOCK_SLOPES // len(pairs[0]))
        for first in range(0, len(windows), step):
            block = windows[first : first + step]
            places = starts[block][:, None] + np.arange(length)
            _fill(found, block, x[places], y[places], pairs)
    return found


def _fill(
    found: Slopes,
    windows: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> None:
    earlier, later = pairs
    run = x[:, later] - x[:, earlier]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(run > 0, (y[:, later] - y[:, earlier]) / run, np.nan)
    slope.sort(axis=1)  # NaN, of two readings in one instant, go to the end
    count = np.sum(~np.isnan(slope), axis=1)
    points = x.shape[1]
    width = _NORMAL_95 * np.sqrt(points * (points - 1) * (2 * points + 5) / 18)
    rows = np.arange(len(windows))
    usable = count > width
    middle = np.maximum(count - 1, 0) / 2
    median = (
        slope[rows, np.floor(middle).astype(int)] + slope[rows, np.ceil(middle).astype(int)]
    ) / 2
    low = np.clip(np.floor((count - width) / 2).astype(int), 0, None)
    high = np.clip(np.ceil((count + width) / 2).astype(int), 0, np.maximum(count - 1, 0))
    found.slope[windows] = np.where(usable, median, np.nan)
    found.low[windows] = np.where(usable, slope[rows, low], np.nan)
    found.high[windows] = np.where(usable, slope[rows, high], np.nan)
