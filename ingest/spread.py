"""How far numbers lie apart: standard deviation, coefficient of variation, average real variability. Pure.

The unit does not matter here: a deviation has that of the numbers, a coefficient is a percentage.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]  # (n,) float64

# Ours: a sample's standard deviation is itself uncertain by 1 / √(2 (n - 1)) of its size, which is 21 % at twelve
# readings and 71 % at two. Twelve is also what the mean of a week at home needs.
MIN_READINGS: Final = 12


def standard_deviation(numbers: Numbers) -> float:
    """Return the sample's standard deviation (n - 1), in the unit of the numbers.

    Args:
        numbers: (n,) float64, n at least 2.

    Example:
        >>> standard_deviation(np.array([120.0, 130.0, 140.0]))  # √((100 + 0 + 100) / 2)
        10.0
    """
    return float(np.std(numbers, ddof=1))


def coefficient_of_variation_percent(numbers: Numbers) -> float:
    """Return the standard deviation in percent of the mean.

    Args:
        numbers: (n,) float64, n at least 2, all above zero.

    Example:
        >>> coefficient_of_variation_percent(np.array([90.0, 100.0, 110.0]))  # 100 x 10 / 100
        10.0
    """
    return 100.0 * standard_deviation(numbers) / float(np.mean(numbers))


def average_real_variability(numbers: Numbers) -> float:
    """Return the mean of the absolute differences between each number and the next, in the unit of the numbers.

    Unlike a standard deviation it tells a restless course from a steady climb: it looks at the order.

    Args:
        numbers: (n,) float64, oldest first, n at least 2.

    Source:
        Mena et al., A reliable index for the prognostic significance of blood pressure variability, Journal of
        Hypertension 23, 505-511, 2005; definition as in Mena et al., Journal of the American Heart Association 6,
        e006895, 2017.

    Example:
        >>> average_real_variability(np.array([120.0, 130.0, 125.0]))  # (10 + 5) / 2
        7.5
    """
    return float(np.mean(np.abs(np.diff(numbers))))
