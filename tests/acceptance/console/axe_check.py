"""What axe finds on a page, and whether anything sticks out of it, on a desk and on a phone, light and dark.

Source: WCAG 2.2 (W3C, October 2023), levels A and AA, as far as axe can test it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

_EVERYTHING: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_COLOURS: Final = ("color-contrast",)
# Width in CSS pixels, scheme, what axe is asked for: the last differs from the first by its colours alone.
LOOKS: Final = (
    (1280, "light", _EVERYTHING),
    (320, "dark", _EVERYTHING),
    (1280, "dark", _COLOURS),
)
# For a page of thousands of elements, on which axe takes half a minute for all of them.
FEWER_LOOKS: Final = ((1280, "light", _COLOURS), (320, "dark", _EVERYTHING))


def found(
    page: Page, state: str, looks: Iterable[tuple[int, str, tuple[str, ...]]] = LOOKS
) -> list[str]:
    """Return what is wrong with the page as it is now in any of the looks, one line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    lines = []
    for width, scheme, wanted in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        where = f"{state}, {scheme}, {width} pixels wide"
        options = {"runOnly": wanted, "resultTypes": ["violations"]}
        violations = page.evaluate(
            f"axe.run({json.dumps(options)}).then(results => results.violations)"
        )
        lines += [
            f"{where}: {violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in violations
            for node in violation["nodes"]
        ]
        page_width = _page_width(page)
        if page_width > width:
            lines.append(f"{where}: the page is {page_width} pixels wide")
    return lines


def _page_width(page: Page) -> int:
    """Return how wide the page is once it fits, or after a while: another picture is loaded for another width."""
    width = 0
    for _ in range(50):
        width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        if width <= window:
            break
        page.wait_for_timeout(100)
    return int(width)
