"""No secret lies in the repository: not a key, not a token, not a password that looks like a real one."""

from __future__ import annotations

import base64
import math
import random
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# Forms that nothing else has. Written so that no pattern finds itself.
FORMS = {
    "private key": re.compile(
        # With a body: a header alone is somebody's example of a torn file.
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KE[Y]-----(?:\\n|[\s\"'])*[A-Za-z0-9+/]{40,}"
    ),
    "key of a cloud account": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "token of a code host": re.compile(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40,}|glpat-[\w-]{20})"
    ),
    "token of a service": re.compile(
        r"\b(?:xox[abprs]-[A-Za-z0-9-]{20,}|sk_live_\w{20,}|AIza[\w-]{35})"
    ),
    "signed token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "password in an address": re.compile(
        r"\b[a-z]+://[\w.-]+:(?=[^\s@]*[0-9A-Z])[^\s:/@{}<>…'\"]{8,}@[\w.-]+"
    ),
}
ASSIGNMENT = re.compile(
    r"(?i)\b[\w.-]*(?:password|passwd|secret|token|api_?key|private_?key|credential)[\w.-]*[\"']?"
    r"\s*(?::\s*\w+\s*)?[:=]{1,2}\s*[\"']([^\"'\s]{16,})[\"']"
)
# Bits a character: English words and identifiers stay below, random text of 20 characters and more above.
RANDOM_FROM_BITS = 3.8
# Hashes of public files, and a picture.
NOT_READ = re.compile(r"deploy/locks/.*\.txt|.*\.(png|woff2|ico)")


def found_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number and kind of everything that looks like a secret."""
    for kind, form in FORMS.items():
        for found in form.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, kind
    for number, line in enumerate(text.splitlines(), start=1):
        for candidate in ASSIGNMENT.findall(line):
            if is_random(candidate):
                yield number, "something random under a secret's name"


def is_random(text: str) -> bool:
    """Say whether a text is too even to be words: no placeholder, name or path."""
    is_path = "/" in text and text == text.lower()
    if is_path or not re.search(r"\d", text) or re.search(r"[{}<>$%]", text):
        return False
    counts = Counter(text).values()
    bits = -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
    # Hexadecimal digits have four bits at most, and come close to it.
    return bits >= (3.0 if re.fullmatch(r"[0-9a-fA-F]+", text) else RANDOM_FROM_BITS)


def files() -> list[str]:
    """Return what is tracked, and what would be at the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file() and not NOT_READ.fullmatch(name)]


def test_no_file_holds_a_secret() -> None:
    found = [
        f"{name}:{number}: {kind}"
        for name in files()
        for number, kind in found_in((ROOT / name).read_bytes().decode("utf-8", "replace"))
    ]
    assert found == [], "take it out, and treat it as known to everybody: it stays in the history"


def test_no_file_has_a_name_that_keys_have() -> None:
    keys = re.compile(r".*(\.(key|pem|p12|pfx|jks|kdbx)|/\.env|id_(rsa|ed25519|ecdsa)|\.pgpass)")
    assert [name for name in files() if keys.fullmatch(name)] == []


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN " + "EC PRIVATE KEY-----\n" + "a1B2" * 16,
        '"-----BEGIN ' + 'PRIVATE KEY-----\\n"\n    "' + "a1B2" * 16,
        "id = AKIA" + "Z7QX2MB4LK9TWE3R",
        'url = "postgresql://homevitals:' + 'hunter2!x@db.example.org/"',
        "token: ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2,
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NSJ9." + "x" * 30,
    ],
)
def test_every_form_of_a_secret_is_seen(line: str) -> None:
    assert list(found_in(line))


@pytest.mark.parametrize("name", ["PASSWORD", "client_secret", "api_key", '"refresh_token"'])
@pytest.mark.parametrize("sign", [" = ", ": "])
def test_something_random_under_a_secrets_name_is_seen(name: str, sign: str) -> None:
    drawn = random.Random(5).randbytes(33)  # not written down, or this file would be found
    for made in (drawn[:32].hex(), base64.b64encode(drawn).decode()):
        assert list(found_in(f'{name}{sign}"{made}"'))


@pytest.mark.parametrize(
    "line",
    [
        'PASSWORD = "correct horse battery staple"',
        'password = "…"',
        "token = secrets.token_urlsafe(32)",
        'key_file = "/etc/homevitals/ingest-1.key"',
        'secret_file: Path = setting(Path("/etc/homevitals/client-secret"))',
        'sign_in_token_is_wrong = "The token is not the right one."',
        'password_field = "current-password-2"',
    ],
)
def test_names_paths_and_words_are_no_secrets(line: str) -> None:
    assert list(found_in(line)) == []
