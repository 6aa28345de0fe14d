"""Files that somebody names on the command line: read if they are regular, written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from deploy import errors

STANDARD: Final = "-"
"""What names standard input or output."""

_LARGEST_INPUT: Final = 1024 * 1024 * 1024  # years of a whole practice; more is the wrong file


@contextmanager
def source(name: str) -> Iterator[BinaryIO]:
    """Open what is to be read, so that it can be read more than once; standard input is copied first.

    Raises:
        DeployError: it is no regular file, leads elsewhere, is too large, or cannot be read.
    """
    if name == STANDARD:
        # Without a name: gone with the process, however it ends.
        with tempfile.TemporaryFile() as copy:
            _copy(sys.stdin.buffer, cast("BinaryIO", copy))
            yield cast("BinaryIO", copy)
        return
    path = _direct(name)
    with os.fdopen(_opened(path), "rb") as file:
        yield file


@contextmanager
def target(name: str, *, replace: bool) -> Iterator[BinaryIO]:
    """Open what is to be written: a neighbour that takes the name when it is whole, for its owner's eyes only.

    Args:
        name: The file, or “-” for standard output.
        replace: Whether a file of that name may be there.

    Raises:
        DeployError: the file is there already, is no regular one, or the disk refuses; nothing is left behind.
    """
    if name == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = _direct(name)
    try:
        _refuse_what_is_there(path, replace=replace)
        # Its name is known before it is there: a signal at whatever moment leaves nothing behind.
        neighbour = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(
                neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _take_name(neighbour, path, replace=replace)
        finally:
            neighbour.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise errors.DeployError(
            f"{path} cannot be written ({error.strerror}); nothing was left behind"
        ) from None


def _opened(path: Path) -> int:
    """Return the descriptor of a regular file; nothing else is even opened for longer than it takes to find out."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _symbolic(path) from None
        raise errors.DeployError(f"{path} cannot be read: {error.strerror}") from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_INPUT:
        return descriptor
    os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise errors.DeployError(f"{path} is no regular file; pipe it in with “-” if it is meant")
    raise _too_large()


def _direct(name: str) -> Path:
    path = Path(name)
    if ".." in path.parts:
        raise errors.DeployError("write the file's name without “..”")
    return path


def _refuse_what_is_there(path: Path, *, replace: bool) -> None:
    if path.is_symlink():
        raise _symbolic(path)
    if path.exists() and not path.is_file():
        raise errors.DeployError(f"{path} is there and is no regular file; name another")
    if path.exists() and not replace:
        raise errors.DeployError(f"{path} is there already; name another file or add --force")
    if not path.parent.is_dir():
        raise errors.DeployError(f"there is no folder {path.parent}")


def _take_name(neighbour: Path, path: Path, *, replace: bool) -> None:
    if replace:
        neighbour.replace(path)
        return
    try:
        os.link(neighbour, path)  # refuses, where a file came there meanwhile
    except FileExistsError:
        raise errors.DeployError(
            f"{path} is there already; name another file or add --force"
        ) from None


def _copy(incoming: BinaryIO, copy: BinaryIO) -> None:
    left = _LARGEST_INPUT
    while piece := incoming.read(min(1024 * 1024, left + 1)):
        left -= len(piece)
        if left < 0:
            raise _too_large()
        copy.write(piece)
    copy.seek(0)


def _symbolic(path: Path) -> errors.DeployError:
    return errors.DeployError(f"{path} is a symbolic link; name the file itself")


def _too_large() -> errors.DeployError:
    gibibytes = _LARGEST_INPUT // 1024**3
    return errors.DeployError(f"the file is larger than {gibibytes} GiB; split it")
