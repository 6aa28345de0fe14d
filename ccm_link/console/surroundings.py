"""What every request finds in place: the database pools, the settings, the clock."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

import psycopg
from fastapi import Request
from psycopg_pool import ConnectionPool

from ccm_link.claim import site_tables
from ccm_link.claim.site_tables import SiteTables
from ccm_link.errors import BadBillingTable
from ccm_link.settings import CcmLinkSettings
from firmware_profiles.errors import SettingsError

Pool = ConnectionPool[psycopg.Connection[Any]]
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Made once by the application's factory.

    Attributes:
        pool: Connections of the role homevitals_console, for people whose practice is known.
        entrance: Connections of the role homevitals_entrance, which finds out who is at the door: sign-in, session,
            one-time codes. Nothing else uses it.
        settings: Section ``ccm_link``.
        clock: Returns aware UTC.
    """

    pool: Pool
    entrance: Pool
    settings: CcmLinkSettings
    clock: Callable[[], datetime]

    @property
    def is_https(self) -> bool:
        """Say whether browsers reach the console over TLS, which decides about the cookie."""
        return bool(self.settings.public_url)

    @property
    def tables(self) -> SiteTables:
        """Return the billing tables of this site, read once per process.

        Raises:
            rule_book.TableError: one of the site's own has mistakes, or cannot be read.
        """
        return site_tables.of_folder(self.settings.billing_tables)

    @property
    def conninfo(self) -> str:
        """Return the connection string of the role homevitals_console, for a connection of no request."""
        return str(self.pool.conninfo)

    @property
    def host_names(self) -> tuple[str, ...]:
        """Return the names under which the console may be asked for."""
        public = urlsplit(self.settings.public_url).hostname
        return _LOOPBACK_NAMES if public is None else (public,)


def of(request: Request) -> Surroundings:
    """Return what the application was made with."""
    return cast("Surroundings", request.app.state.surroundings)


def network_of(request: Request) -> str:
    """Return the address that a request came from, in its shortest form; "" where there is none.

    Behind the proxy named in the settings it is the one that this proxy wrote down last: whatever stands before it in
    the header was sent by the browser.
    """
    peer = "" if request.client is None else request.client.host
    proxy = of(request).settings.proxy_address
    if proxy and peer == proxy:
        # Some proxies append to the browser's header, others send one of their own after it.
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        peer = forwarded.rpartition(",")[2].strip()
    try:
        return ipaddress.ip_address(peer).compressed
    except ValueError:
        return ""


def check(settings: CcmLinkSettings) -> None:
    """Refuse settings under which passwords would cross a network in the clear, and billing tables with mistakes.

    Raises:
        SettingsError: ``public_url`` is no https address, ``host`` is reachable from outside without one, or a table of
            the site's own has mistakes.
    """
    try:
        site_tables.of_folder(settings.billing_tables)
    except BadBillingTable as error:
        raise SettingsError(["ccm_link.billing_tables:", *str(error).splitlines()]) from None
    public = urlsplit(settings.public_url)
    if settings.public_url:
        if public.scheme != "https" or not public.hostname or public.path not in {"", "/"}:
            raise SettingsError(
                ["ccm_link.public_url has to be https:// and a host name, nothing more"]
            )
    elif not is_loopback(settings.host):
        raise SettingsError(
            ["ccm_link.host can be reached from outside: set ccm_link.public_url, or use 127.0.0.1"]
        )


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
