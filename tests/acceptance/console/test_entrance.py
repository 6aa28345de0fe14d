"""Signing in, in a real browser: through a provider on another site, and pages in which axe finds nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from ccm_link.console.entrance import sealing, totp
from ccm_link.settings import CcmLinkSettings
from ingest import credentials, one_time_code, tenancy
from ingest.one_time_code import Purpose
from tests import console_server, openid_providers
from tests.acceptance.console import axe_check
from tests.console_server import Console
from tests.made_up_practice import PASSWORD, Connect, MadeUp

pytestmark = [
    pytest.mark.browser,
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
    pytest.mark.timeout(300),
]


@pytest.fixture
def console(database, made_up: MadeUp, tmp_path: Path) -> Iterator[Console]:
    """Serve with the clock of the machine and keys for second factors, which everybody needs."""
    secret_file = tmp_path / "millbrook"
    secret_file.touch(0o600)
    secret_file.write_text(openid_providers.CLIENT_SECRET)
    keys = tmp_path / "keys"
    sealing.make_if_missing(keys)
    settings = CcmLinkSettings(
        openid_secrets_folder=str(tmp_path), secrets_key_file=keys, require_second_factor=True
    )
    with console_server.serve(database.conninfo, lambda: datetime.now(UTC), settings) as found:
        yield found


def invite(connect: Connect, made_up: MadeUp, name: str) -> str:
    with (
        connect("homevitals_console") as connection,
        tenancy.transaction(connection, made_up.practice_id) as cur,
    ):
        return one_time_code.issue(
            cur,
            made_up.practice_id,
            Purpose.INVITE_STAFF,
            made_up.staff[name],
            created_by=None,
            at=datetime.now(UTC),
        )


def test_a_provider_on_another_site_leads_back_into_the_console(
    chromium: Browser, console: Console, connect: Connect, made_up: MadeUp
) -> None:
    # “localhost” and “127.0.0.1” are two sites to a browser, as the practice's provider and the console are.
    base_url = f"http://localhost:{urlsplit(console.address).port}"
    with openid_providers.real() as provider:
        provider.begin(f"{base_url}/sign-in/provider/return")
        with (
            connect("homevitals_owner") as connection,
            tenancy.transaction(connection, made_up.practice_id) as cur,
        ):
            credentials.set_identity_provider(
                cur,
                made_up.practice_id,
                issuer=provider.issuer,
                client_id=openid_providers.CLIENT_ID,
                second_factor_amr=(openid_providers.MFA,),
            )
        context = chromium.new_context(base_url=base_url, java_script_enabled=False)
        page = context.new_page()

        def go() -> None:
            page.goto("/sign-in?going_to=/patients")
            page.click("summary")
            page.fill("#provider-practice", "millbrook")
            page.click("button:text('Go on')")

        go()
        expect(page.get_by_role("heading", name="Nobody here knows you yet")).to_be_visible()
        page.fill("#link-code", invite(connect, made_up, "dana"))
        page.click("button:text('Link it and sign in')")
        expect(page.get_by_role("heading", name="Patients", exact=True)).to_be_visible()
        page.click("button:text('Sign out')")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        go()
        # The session's cookie is “Strict” and came with an answer to another site's link; it counts all the same.
        expect(page.get_by_role("heading", name="Patients", exact=True)).to_be_visible()
        assert page.url == f"{base_url}/patients"
        context.close()


def states(page: Page, connect: Connect, made_up: MadeUp) -> Iterator[str]:
    """Bring the page into every state on the way in; yield each state's name."""
    page.goto("/sign-in")
    page.click("summary")
    yield "sign-in with the other ways"
    page.goto("/sign-in/provider?practice=nowhere")
    yield "no provider"
    page.goto("/home-sign-in")
    yield "home sign-in"
    page.fill("#home-code", "AAAA-BBBB-CCCC")
    page.click("button:text('Sign in')")
    yield "home sign-in refused"
    page.goto("/invitation")
    yield "invitation"
    page.fill("#invitation-code", invite(connect, made_up, "casey"))
    page.fill("#invitation-new_password", "short")
    page.fill("#invitation-new_password_again", "short")
    page.click("button:text('Set the password')")
    yield "invitation refused"
    page.fill("#invitation-new_password", PASSWORD)
    page.fill("#invitation-new_password_again", PASSWORD)
    page.click("button:text('Set the password')")
    expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()
    yield "invited"
    _take_first_step(page)
    page.click("summary")
    yield "second factor"
    page.fill("#set-up-code", "000000")
    page.click("button:text('Sign in')")
    yield "second factor refused"
    with connect("postgres") as connection:
        connection.execute(
            "update ingest.staff set totp_sealed = 'x', totp_confirmed_at = now() where sign_in_name = 'casey'"
        )
    _take_first_step(page)
    yield "code"
    with connect("postgres") as connection:
        connection.execute("update ingest.staff set totp_sealed = null, totp_confirmed_at = null")
    _take_first_step(page)
    _confirm(page)
    page.goto("/account")
    yield "account"
    page.fill("#password-password", PASSWORD)
    page.fill("#password-new_password", "short")
    page.fill("#password-new_password_again", "short")
    page.click("button:text('Change the password')")
    yield "new password refused"


def _take_first_step(page: Page) -> None:
    page.goto("/sign-in")
    page.fill("#sign-in-sign_in_name", "casey@millbrook")
    page.fill("#sign-in-password", PASSWORD)
    page.click("button:text('Sign in')")


def _confirm(page: Page) -> None:
    shown = re.sub(r"\s", "", page.locator("code").text_content() or "")
    step = int(datetime.now(UTC).timestamp()) // totp.STEP_S
    page.fill("#set-up-code", totp.code_at(base64.b32decode(shown), step))
    page.click("button:text('Sign in')")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()


def test_axe_finds_nothing_on_the_way_in(
    open_page: Callable[..., Page], made_up: MadeUp, connect: Connect
) -> None:
    page = open_page(scripts=True)
    found = []
    for state in states(page, connect, made_up):
        found += axe_check.found(page, state)
    assert found == [], "\n".join(found)
