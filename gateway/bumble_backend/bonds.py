"""Bond keys on disk, readable by their owner only and whole after a crash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bumble import keys

from gateway import durable_file


class PrivateKeyStore(keys.JsonKeyStore):
    """bumble's JSON key store, written durably with mode 0600."""

    def __init__(self, namespace: str, path: Path) -> None:
        """Keep the bonds of one local identity (`namespace`, its address) in a file."""
        super().__init__(namespace, str(path))

    async def save(self, db: dict[str, dict[str, dict[str, Any]]]) -> None:
        """Replace the file's content. Called by the base class after each change."""
        durable_file.replace(self.filename, json.dumps(db, sort_keys=True, indent=1).encode())
