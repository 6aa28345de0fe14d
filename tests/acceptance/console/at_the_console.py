"""What a person does on most pages: signs in, and opens what is folded."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.made_up_practice import PASSWORD


def sign_in(page: Page, name: str) -> None:
    """Sign somebody of the practice in, whoever sat there before."""
    page.context.clear_cookies()
    page.goto("/sign-in")
    page.fill("#sign-in-sign_in_name", f"{name}@millbrook")
    page.fill("#sign-in-password", PASSWORD)
    page.click("button:text('Sign in')")


def open_all(page: Page) -> None:
    """Open everything on the page that is folded."""
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
