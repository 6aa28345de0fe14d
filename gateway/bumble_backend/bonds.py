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
        self._bonded: set[str] = set()

    async def look(self) -> None:
        """Read which peripherals there are keys of."""
        self._note(await self.load())

    def has(self, address: str) -> bool:
        """Whether there is a key of a peripheral, as of the last look or change."""
        return address in self._bonded

    async def save(self, db: dict[str, dict[str, dict[str, Any]]]) -> None:
        """Replace the file's content. Called by the base class after each change."""
        durable_file.replace(self.filename, json.dumps(db, sort_keys=True, indent=1).encode())
        self._note((db, db.get(self.namespace, {})))

    def _note(self, loaded: tuple[Any, dict[str, dict[str, Any]]]) -> None:
        # bumble marks public addresses with “/P”.
        self._bonded = {name.partition("/")[0].upper() for name in loaded[1]}
