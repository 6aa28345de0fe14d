"""What axe finds on a page, and whether anything sticks out of it.

Source: WCAG 2.2 (W3C, October 2023), levels A and AA, as far as axe can test it.
"""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OPTIONS = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


def found(page: Page, state: str, width: int) -> list[str]:
    """Return what is wrong with the page as it is now, one line each."""
    results = Axe().run(page, options=OPTIONS)
    lines = [
        f"{state}: {violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]
    page_width = page.evaluate("document.documentElement.scrollWidth")
    if page_width > width:
        lines.append(f"{state}: {page_width} pixels wide")
    return lines
