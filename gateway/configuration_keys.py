"""The server's public keys, one of which must have signed a configuration: Ed25519, learned with certificates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware_profiles import signed_configuration
from gateway.key_pair import UnfitError

_ONE: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\n?")

# By `signed_configuration.key_id`.
ConfigurationKeys = Mapping[str, Ed25519PublicKey]


def read(pem: bytes) -> ConfigurationKeys:
    """Read public keys, one PEM block after the other; none is fine.

    Raises:
        UnfitError: something else stands there.
    """
    if _ONE.sub(b"", pem).strip():
        raise UnfitError("the configuration keys are not public keys in PEM")
    keys = map(_key, _ONE.findall(pem))
    return {signed_configuration.key_id(der(key)): key for key in keys}


def der(key: Ed25519PublicKey) -> bytes:
    """Return a key as SubjectPublicKeyInfo."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def from_der(content: bytes) -> Ed25519PublicKey:
    """Read one key.

    Raises:
        UnfitError: it is none.
    """
    try:
        key = serialization.load_der_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnfitError("the configuration key is not a public key") from error
    return _ed25519(key)


def has_signed(key: Ed25519PublicKey, signed: signed_configuration.SignedConfiguration) -> bool:
    """Whether a signature holds."""
    try:
        key.verify(signed.signature, signed_configuration.signed_bytes(signed.content))
    except InvalidSignature:
        return False
    return True


def _key(pem: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnfitError("a configuration key cannot be read") from error
    return _ed25519(key)


def _ed25519(key: object) -> Ed25519PublicKey:
    if not isinstance(key, Ed25519PublicKey):
        raise UnfitError("a configuration key is not an Ed25519 key")
    return key
