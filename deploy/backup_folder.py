"""The folder of a backup: written under another name until it is whole, for its owner only, checked by hashes."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy import backup_manifest
from deploy.backup_manifest import File, Manifest
from deploy.errors import BackupError

DUMP: Final = "database.dump"
MANIFEST: Final = "manifest.json"
_MOST_MANIFEST_BYTES: Final = 256 * 1024 * 1024
_BLOCK_BYTES: Final = 1024 * 1024

Watch = Callable[[int, int], None]
"""Bytes read of a file, and all of it."""


@contextmanager
def growing(out: Path) -> Iterator[Path]:
    """Give a folder to write into, which gets its name when the block has ended well and the disk has all of it.

    A process that is killed leaves ``.NAME.unfinished-…`` behind, which no command takes for a backup.

    Raises:
        BackupError: there is something of that name already, or no folder to put it into.
    """
    if os.path.lexists(out):
        raise BackupError(
            f"{out} is there already, and no backup is overwritten; name a new folder"
        )
    folder = out.with_name(f".{out.name}.unfinished-{secrets.token_hex(4)}")
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise BackupError(f"the folder {out} cannot be made ({error.strerror})") from error
    try:
        yield folder
        for path in (*folder.iterdir(), folder):
            _sync(path)
        folder.rename(out)
        _sync(out.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what the backup says of itself."""
    descriptor = os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(backup_manifest.encode(manifest))


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """Return what a backup says of itself, and the manifest's SHA-256.

    Raises:
        BackupError: there is no finished backup in the folder, or its manifest was altered.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MOST_MANIFEST_BYTES:
            raise BackupError(f"{path} is no manifest")
        text = path.read_bytes()
    except OSError as error:
        raise BackupError(f"there is no finished backup in {folder} ({error.strerror})") from error
    return backup_manifest.decode(text)


def check_files(folder: Path, manifest: Manifest, watch: Watch) -> None:
    """Compare every file with the manifest.

    Args:
        folder: The backup.
        manifest: What it says of itself.
        watch: Called with the bytes read of a file, and all of it.

    Raises:
        BackupError: one is missing, cut, or other than it was written.
    """
    if DUMP not in manifest.files or any(Path(name).name != name for name in manifest.files):
        raise BackupError("the manifest names files that no backup has")
    for name, written in manifest.files.items():
        try:
            found = measure(folder / name, watch)
        except OSError as error:
            raise BackupError(f"{folder / name} cannot be read ({error.strerror})") from error
        if found.bytes != written.bytes:
            raise BackupError(
                f"{folder / name} has {found.bytes} bytes instead of {written.bytes}; the backup is damaged"
            )
        if found.sha256 != written.sha256:
            raise BackupError(f"{folder / name} is not as it was written; the backup is damaged")


def measure(path: Path, watch: Watch) -> File:
    """Return size and hash of a file as the disk gives it back."""
    hashed, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            hashed.update(block)
            done += len(block)
            watch(done, total)
    return File(done, hashed.hexdigest())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
