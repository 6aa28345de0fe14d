"""Addresses of each channel: what can be one. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from alerts.channels.message import Channel

# What mail servers take in practice: no quotes, no comments, no blanks, and so nothing that would end a header.
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
# Source: ITU-T E.164 (11/2010), section 6.2.1: at most fifteen digits with the country code.
_TELEPHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_LONGEST: Final = 254  # of an e-mail address; source: RFC 5321, section 4.5.3.1.3


def is_one(channel: Channel, address: str) -> bool:
    """Say whether somebody could be reached under an address over a channel."""
    match channel:
        case Channel.EMAIL:
            return is_email(address)
        case Channel.SMS:
            return _TELEPHONE.fullmatch(address) is not None
        case Channel.WEBHOOK:
            return is_web(address)
        case Channel.CONSOLE:
            return False  # needs none


def is_email(address: str) -> bool:
    """Say whether it is an e-mail address of the usual form."""
    return len(address) <= _LONGEST and _EMAIL.fullmatch(address) is not None


def is_web(address: str) -> bool:
    """Say whether it is an address that something may be posted to."""
    return len(address) <= 500 and address.isascii() and address.isprintable() and is_safe(address)


def is_allowed(address: str, hosts: Collection[str]) -> bool:
    """Say whether it is an address that something may be posted to, on one of the hosts that the operator named."""
    return is_web(address) and urlsplit(address).hostname in hosts


def is_safe(url: str) -> bool:
    """Say whether others are kept from what is sent to an address: https, or this machine; no password in it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or port == 0 or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
