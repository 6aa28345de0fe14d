"""Which passwords are refused when they are set: short ones, and those that a guesser tries first.

No rule asks for capitals, digits or signs, and no password ever has to be changed for its age: both lead to worse ones.

Source: NIST SP 800-63B-4, section 3.1.1.2 (password verifiers), August 2025: at least 15 characters where the password
stands alone and 8 with a second factor, a blocklist of common, expected and breached ones, no composition rules, no
periodic change. OWASP Application Security Verification Standard 5.0.0, 6.2, 2025.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO, Final

import zxcvbn

# Ours, between NIST's two numbers: nearly all accounts have a second factor.
LEAST_CHARACTERS: Final = 12
MOST_CHARACTERS: Final = 1_000
# What has to be left of a password without the words that everybody would expect in it.
_LEAST_UNEXPECTED: Final = 8
_SHORTEST_WORD: Final = 3
_PRODUCT_WORDS: Final = ("homevitals", "vitals", "password", "practice", "clinic")
# Up to a hundred million guesses: what a list of common words, names, repeats and rows of keys comes to.
# Source: Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016.
_LEAST_GUESSES: Final = 10**8
_ESTIMATED_CHARACTERS: Final = (
    64  # the estimate's cost grows with the square; more only makes it stronger
)


def objection(
    password: str, *, context: tuple[str, ...] = (), breached_file: str = ""
) -> str | None:
    """Return why a password is refused, in a sentence, or None.

    Args:
        password: As typed; any character counts as one.
        context: What a guesser would know: the person's names, the practice.
        breached_file: Path of a file of breached passwords' hashes; "" for none.

    Raises:
        OSError: the file cannot be read.
    """
    if len(password) < LEAST_CHARACTERS:
        return f"Use at least {LEAST_CHARACTERS} characters; a few words in a row are easy to keep."
    if len(password) > MOST_CHARACTERS:
        return f"At most {MOST_CHARACTERS:,} characters."
    words = _words((*context, *_PRODUCT_WORDS))
    if len(_without(words, password)) < _LEAST_UNEXPECTED:
        return "This is mostly a name that others know. Choose something that has nothing to do with you."
    if _is_easily_guessed(password, words):
        return "This is among the first that are tried: common words, rows of keys, repeats. Choose another."
    if breached_file and is_breached(Path(breached_file), password):
        return "This password is in a list of stolen ones that guessers use. Choose another."
    return None


def is_breached(file: Path, password: str) -> bool:
    """Say whether a file of SHA-1 hashes, sorted, holds the password's: in some thirty short reads.

    The lines are upper or lower case hexadecimal, with or without a colon and a count behind them.

    Raises:
        OSError: the file cannot be read.
    """
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with file.open("rb") as lines:
        low, high = 0, lines.seek(0, os.SEEK_END)
        # Invariant: the line wanted, if it is there, begins in [low, high).
        while low < high:
            middle = (low + high) // 2
            begins_at, found = _line_from(lines, middle)
            if begins_at >= high or found > wanted:
                high = middle
            elif found == wanted:
                return True
            else:
                low = begins_at + 1
        return False


def _line_from(lines: BinaryIO, offset: int) -> tuple[int, bytes]:
    """Return where the first line begins that begins at an offset or later, and its hash."""
    if offset > 0:
        lines.seek(offset - 1)
        lines.readline(200)
    else:
        lines.seek(0)
    begins_at = lines.tell()
    return begins_at, lines.readline(200).partition(b":")[0].strip().upper()


def _words(texts: tuple[str, ...]) -> list[str]:
    """Return the words of texts, the longest first, so that no short one is cut out of a long one."""
    found = {word for text in texts for word in re.findall(r"\w+", text.casefold())}
    return sorted((w for w in found if len(w) >= _SHORTEST_WORD), key=lambda w: (-len(w), w))


def _without(words: list[str], password: str) -> str:
    left = password.casefold()
    for word in words:
        left = left.replace(word, "")
    return re.sub(r"\W+", "", left)


def _is_easily_guessed(password: str, words: list[str]) -> bool:
    estimate = zxcvbn.zxcvbn(password[:_ESTIMATED_CHARACTERS], user_inputs=words)
    return int(estimate["guesses"]) < _LEAST_GUESSES
