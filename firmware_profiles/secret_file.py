"""Read a secret from a file of its own: one secret, one file, readable by its owner alone.

A secret is never a setting and never in the environment, where process lists, crash reports and
service managers show it. What an editor adds (one line end) is taken off; what a person forgot to
replace (“changeme”) is refused.

Source: OWASP Application Security Verification Standard 5.0.0, 13.3.1 and 13.2.3, 2025.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Final

from firmware_profiles import errors

MAX_BYTES: Final = 64 * 1024

_NOT_ALNUM: Final = re.compile(r"[^a-z0-9]")
# Whole secrets that are none, written without signs between; from manuals, samples and defaults.
_NO_SECRETS: Final = frozenset(
    {
        "admin",
        "default",
        "demo",
        "dummy",
        "foobar",
        "hunter2",
        "letmein",
        "none",
        "null",
        "pass",
        "password",
        "postgres",
        "qwerty",
        "secret",
        "secretkey",
        "test",
        "testing",
        "thingsboarddefaultsigningkey",
        "todo",
    }
)
# Too long to stand in a drawn secret by chance.
_GIVE_AWAYS: Final = (
    "changeit",
    "changeme",
    "changethis",
    "example",
    "insertyour",
    "placeholder",
    "putyour",
    "replaceme",
    "replacethis",
    "supersecret",
    "yourkey",
    "yourpassword",
    "yoursecret",
)
_TO_BE_FILLED_IN: Final = re.compile(r"<[^<>]*>|\$\{[^{}]*\}|\{\{[^{}]*\}\}|%[A-Z_]+%")


def read(path: Path) -> str:
    """Return the secret, without the one line end that an editor may have put behind it.

    Raises:
        SettingsError: there is none, or it is not kept as a secret; all problems at once.
    """
    problems = faults(path)
    if not problems:
        try:
            return without_line_end(path.read_bytes()).decode("utf-8")
        except UnicodeDecodeError:
            problems = ["is not UTF-8 text; write the secret as plain text"]
    raise errors.SettingsError([f"{path}: {problem}" for problem in problems])


def faults(path: Path, *, checks_mode: bool = True) -> list[str]:
    """Return what is wrong with a file that holds a secret or a private key; never what it holds.

    Args:
        path: the file.
        checks_mode: False where something else keeps others away, as systemd does with credentials.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return ["is no regular file; name the file that holds the secret"]
        content = path.read_bytes() if found.st_size <= MAX_BYTES else None
    except FileNotFoundError:
        return ["does not exist; put the secret there, readable by its owner alone (chmod 600)"]
    except PermissionError:
        return ["may not be read by this user; change its owner"]
    except OSError as error:
        return [f"cannot be read: {error.strerror or type(error).__name__}"]
    problems = []
    if checks_mode and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        problems.append("is open to other users of this machine; run chmod 600 on it")
    if content is None:
        problems.append("is larger than 64 KiB, which no secret is; name another file")
    else:
        problems += _faults_in(content)
    return problems


def _faults_in(content: bytes) -> list[str]:
    secret = without_line_end(content)
    if not secret.strip():
        return ["is empty; put the secret there"]
    if b"\0" in secret:
        return ["holds a NUL byte; write the secret as plain text"]
    if is_placeholder(secret.decode("utf-8", "replace")):
        return ["holds a placeholder from a sample or a manual; draw a secret of your own"]
    return []


def without_line_end(content: bytes) -> bytes:
    r"""Take off one line end, ``\n`` or ``\r\n``. Blanks stay: they may belong to the secret."""
    return content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content


def is_placeholder(secret: str) -> bool:
    """Tell whether a text stands for a secret instead of being one."""
    lowered = secret.strip().lower()
    bare = _NOT_ALNUM.sub("", lowered)
    return (
        bare in _NO_SECRETS
        or len(set(lowered)) == 1  # xxxxxxxx, 00000000
        or bool(_TO_BE_FILLED_IN.fullmatch(secret.strip()))
        or any(sign in bare for sign in _GIVE_AWAYS)
        or (bool(bare) and bare in "12345678901234567890")
    )
