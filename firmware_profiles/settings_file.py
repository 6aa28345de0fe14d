"""Read a settings file as strictly as what stands in it.

Whoever can write the file decides which database and which certificates are believed, and whoever
has to correct it needs the file's name and what to do. So a file that cannot be what was meant is
refused here, before anybody looks for a mistake in its lines.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Final

from firmware_profiles import errors

# The longest sample has some kilobytes; more is not a settings file.
MAX_BYTES: Final = 1024 * 1024

_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_SAYS_SOMETHING: Final = re.compile(r"^[ \t]*[^#\s]", re.MULTILINE)


def read(path: Path) -> str:
    """Return the text of a settings file.

    Raises:
        SettingsError: it is missing, no regular file, not readable, writable by everybody, too
            long, not UTF-8 text, or says nothing; with its name and what to do.
    """
    try:
        problem = _problem_of_kind(path)
        content = b"" if problem else path.read_bytes()
    except OSError as error:
        raise errors.SettingsError([f"{path}: cannot be read: {_why(error)}"]) from error
    problem = problem or _problem_of_content(content)
    if problem:
        raise errors.SettingsError([f"{path}: {problem}"])
    return content.decode("utf-8")


def _problem_of_kind(path: Path) -> str:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        return "is a folder; name the file in it"
    if not stat.S_ISREG(found.st_mode):
        return "is no regular file; name a text file"
    if found.st_mode & stat.S_IWOTH:
        return "can be written by every user of this machine; run chmod o-w on it"
    if found.st_size > MAX_BYTES:
        return "is larger than 1 MiB, which no settings file is; name another file"
    return ""


def _problem_of_content(content: bytes) -> str:
    if content.startswith(_BYTE_ORDER_MARKS):
        return "begins with a byte order mark; save it as UTF-8 without one"
    if b"\0" in content:
        return f"holds a NUL byte in line {_line(content, content.index(0))}; save it as plain text"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"line {_line(content, error.start)} is not UTF-8 text; save the file as UTF-8"
    if not _SAYS_SOMETHING.search(text):
        return "holds no settings: it is empty, or all of it is comments; write some, or leave the file out"
    return ""


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the name"
    if isinstance(error, PermissionError):
        return "this user may not read it; change its owner or its mode"
    return error.strerror or type(error).__name__
