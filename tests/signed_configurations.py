"""Configurations of gateways for tests: made, signed and encoded as the server does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware_profiles import gateway_configuration, signed_configuration
from firmware_profiles.gateway_configuration import AllowedPeripheral, GatewayConfiguration
from firmware_profiles.signed_configuration import SignedConfiguration
from gateway import configuration_keys

KEY = Ed25519PrivateKey.generate()
GATEWAY = "gw-claimed1"
CUFF = "AA:BB:CC:DD:EE:01"

EXAMPLE = GatewayConfiguration(
    gateway_id=GATEWAY,
    number=1,
    made_at=datetime(2026, 11, 28, 8, tzinfo=UTC),
    peripherals=(AllowedPeripheral(CUFF),),
)


def configuration(number: int = 1, **changes: Any) -> GatewayConfiguration:
    return replace(EXAMPLE, number=number, **changes)


def keys_of(*keys: Ed25519PrivateKey) -> configuration_keys.ConfigurationKeys:
    return {
        signed_configuration.key_id(configuration_keys.der(key.public_key())): key.public_key()
        for key in keys
    }


def signed(made: GatewayConfiguration | bytes, key: Ed25519PrivateKey = KEY) -> SignedConfiguration:
    """Sign a configuration, or bytes that are none."""
    content = made if isinstance(made, bytes) else gateway_configuration.encode(made)
    (key_id,) = keys_of(key)
    return SignedConfiguration(
        key_id, key.sign(signed_configuration.signed_bytes(content)), content
    )


def message(made: GatewayConfiguration | bytes, key: Ed25519PrivateKey = KEY) -> bytes:
    return signed_configuration.encode(signed(made, key))
