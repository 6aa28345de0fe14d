from __future__ import annotations

import pytest

from deploy import errors
from deploy.supply_chain import lock_file
from deploy.supply_chain.lock_file import Pin

ONE = "a" * 64
TWO = "b" * 64
LOCK = f"""\
anyio==4.16.0 \\
    --hash=sha256:{ONE} \\
    --hash=sha256:{TWO}
    # via
    #   httpx
    #   starlette
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{ONE}
    # via homevitals (pyproject.toml)
"""


def test_a_lock_says_versions_machines_hashes_and_who_wants_what() -> None:
    assert lock_file.read(LOCK) == [
        Pin("anyio", "4.16.0", "", (ONE, TWO), ("httpx", "starlette")),
        Pin("colorama", "0.4.6", "sys_platform == 'win32'", (ONE,), ("homevitals",)),
    ]


def test_a_package_without_a_hash_is_seen_as_one() -> None:
    assert lock_file.read("anyio==4.16.0\n    # via httpx\n")[0].sha256s == ()


@pytest.mark.parametrize(
    "line",
    [
        "anyio>=4.16.0",
        "anyio @ file:///tmp/anyio",
        "-e .",
        "    --hash=sha256:123",
        "    --hash=md5:d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_a_line_of_another_kind_is_refused(line: str) -> None:
    with pytest.raises(errors.SupplyChainError, match="line 7"):
        lock_file.read("\n".join([*LOCK.splitlines()[:6], line]))


@pytest.mark.parametrize("lock", lock_file.LOCKS)
def test_our_own_locks_are_read_to_the_last_line(lock: str) -> None:
    text = lock_file.text_of(lock)
    pins = lock_file.read(text)
    assert len(pins) == sum("==" in line and not line.startswith(" ") for line in text.splitlines())
    assert sum(len(pin.sha256s) for pin in pins) == text.count("--hash=sha256:")
