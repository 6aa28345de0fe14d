"""The configuration that this gateway follows, kept in its state folder: the old one or the new one, never half.

One file, ``configuration.json``, holds the message as it came and the public key that it was checked with. So a later
start sees that not a byte of it has changed, also after the server has gone over to another key. Who may follow it is
decided before it is kept (``remote_configuration``).
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware_profiles import errors as leaf_errors
from firmware_profiles import gateway_configuration, signed_configuration, strict_json, wire_fields
from firmware_profiles.gateway_configuration import GatewayConfiguration
from firmware_profiles.signed_configuration import SignedConfiguration
from gateway import configuration_keys, durable_file
from gateway.key_pair import UnfitError

log = logging.getLogger(__name__)

FILE: Final = "configuration.json"
_VERSION: Final = 1
_MAX_BYTES: Final = 512 * 1024  # base64 of the largest message, and the key
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kept:
    """A configuration that was accepted, as it came and as it reads."""

    signed: SignedConfiguration
    configuration: GatewayConfiguration


def load(state_folder: Path, gateway_id: str) -> Kept | None:
    """Return the configuration that was kept last; None where there is none of this gateway, or none that is whole.

    A damaged one is said in the log. The server hears at the next connection that nothing is followed, and sends it.
    """
    file = state_folder / FILE
    if not file.exists():
        return None
    try:
        kept = _read(file)
    except (leaf_errors.WireError, UnfitError, binascii.Error, OSError) as error:
        log.error(  # noqa: TRY400 - the type says enough
            "configuration_damaged", extra={"error": type(error).__name__}
        )
        return None
    if kept.configuration.gateway_id != gateway_id:  # this machine was another gateway before
        log.warning("configuration_of_another", extra={"gateway_id": gateway_id})
        return None
    return kept


def keep(state_folder: Path, signed: SignedConfiguration, key: Ed25519PublicKey) -> None:
    """Keep an accepted configuration; when this returns, it lasts.

    Raises:
        OSError: the disk refuses; the one of before is still there.
    """
    members = {
        "version": _VERSION,
        "public_key": _text(configuration_keys.der(key)),
        "message": _text(signed_configuration.encode(signed)),
    }
    durable_file.replace(state_folder / FILE, json.dumps(members, indent=1).encode("ascii") + b"\n")


def forget(state_folder: Path) -> None:
    """Keep no configuration any more.

    Raises:
        OSError: the disk refuses.
    """
    file = state_folder / FILE
    if file.exists():
        file.unlink()
        durable_file.sync_folder(state_folder)


def _read(file: Path) -> Kept:
    members = strict_json.parse_object(file.read_bytes(), max_bytes=_MAX_BYTES)
    fields = wire_fields.Fields(members, "the kept configuration")
    fields.whole("version", _VERSION, _VERSION)
    key = configuration_keys.from_der(_bytes_of(fields, "public_key"))
    signed = signed_configuration.decode(_bytes_of(fields, "message"))
    if not configuration_keys.has_signed(key, signed):
        raise UnfitError("the kept configuration is not the one that was signed")
    return Kept(signed, gateway_configuration.decode(signed.content))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes_of(fields: wire_fields.Fields, name: str) -> bytes:
    return base64.b64decode(fields.text(name, _BASE64, "base64"), validate=True)
