"""What the signer has ever signed, in a file that only grows: each certificate and each gateway's configuration.

It is the signer's own record, apart from the database of those who ask: what nobody asked for through the product
stands here and in no table.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from firmware_profiles.gateway_configuration import GatewayConfiguration
from firmware_profiles.signed_configuration import SignedConfiguration
from ingest import signing
from ingest.signing import Issued


class IssueLog:
    """Appends one JSON object a line; what was noted is on the disk before it is handed out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, gateway_id: str, issued: Issued, at: datetime) -> None:
        """Note a certificate.

        Raises:
            OSError: it could not be written; the certificate must not be handed out.
        """
        self._append(
            {
                "at": signing.instant_text(at),
                "gateway_id": gateway_id,
                "serial": issued.serial,
                "not_after": signing.instant_text(issued.not_after),
                "public_key_sha256": issued.public_key_sha256,
            }
        )

    def note_configuration(
        self, configuration: GatewayConfiguration, signed: SignedConfiguration, at: datetime
    ) -> None:
        """Note a configuration: whose, which number and the hash of its bytes.

        Raises:
            OSError: it could not be written; the signature must not be handed out.
        """
        self._append(
            {
                "at": signing.instant_text(at),
                "gateway_id": configuration.gateway_id,
                "configuration": configuration.number,
                "content_sha256": hashlib.sha256(signed.content).hexdigest(),
                "key_id": signed.key_id,
            }
        )

    def _append(self, members: Mapping[str, object]) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            file.write(json.dumps(members).encode() + b"\n")
            os.fsync(file.fileno())
