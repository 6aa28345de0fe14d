"""What the signer has ever signed, in a file that only grows: id, serial and instant of each certificate.

It is the signer's own record, apart from the database of those who ask: a certificate that nobody asked for through
the product stands here and in no table.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from ingest import signing
from ingest.signing import Issued


class IssueLog:
    """Appends one JSON object a line; what was noted is on the disk before the certificate is handed out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, gateway_id: str, issued: Issued, at: datetime) -> None:
        """Note a certificate.

        Raises:
            OSError: it could not be written; the certificate must not be handed out.
        """
        line = json.dumps(
            {
                "at": signing.instant_text(at),
                "gateway_id": gateway_id,
                "serial": issued.serial,
                "not_after": signing.instant_text(issued.not_after),
                "public_key_sha256": issued.public_key_sha256,
            }
        )
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            file.write(line.encode() + b"\n")
            os.fsync(file.fileno())
