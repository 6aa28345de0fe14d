from __future__ import annotations

import pytest

from ccm_link.console import rate_limits
from ccm_link.console.rate_limits import Deed, RateLimits


class Seconds:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_delay_doubles_after_four_wrong_tries_and_ends_with_a_right_one() -> None:
    clock = Seconds()
    limits = RateLimits(clock)
    assert [limits.begin("casey", "a", is_known=False) for _ in range(4)] == [None] * 4
    waits = []
    for _ in range(10):
        wait_s = limits.begin("casey", "a", is_known=False)
        assert wait_s is not None
        waits.append(wait_s)
        clock.now_s += wait_s
        assert limits.begin("casey", "a", is_known=False) is None
    assert waits == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]
    limits.note_right("casey", "a")
    assert limits.begin("casey", "a", is_known=False) is None


def test_a_try_that_has_to_wait_does_not_make_the_delay_longer() -> None:
    limits = RateLimits(Seconds())
    for _ in range(4):
        limits.begin("casey", "a", is_known=False)
    assert {limits.begin("casey", "a", is_known=False) for _ in range(100)} == {1.0}


def test_wrong_tries_are_forgotten_after_an_hour() -> None:
    clock = Seconds()
    limits = RateLimits(clock)
    for _ in range(4):
        limits.begin("casey", "a", is_known=False)
    clock.now_s += 3601
    assert [limits.begin("casey", "a", is_known=False) for _ in range(4)] == [None] * 4


def test_guessing_elsewhere_delays_nobody_but_the_guesser() -> None:
    limits = RateLimits(Seconds())
    for _ in range(20):
        limits.begin("casey", "guesser", is_known=False)
    assert limits.begin("casey", "home", is_known=False) is None
    assert limits.begin("robin", "guesser", is_known=False) is None


def test_guessing_from_everywhere_leaves_known_browsers_in() -> None:
    limits = RateLimits(Seconds())
    for number in range(50):
        assert limits.begin("casey", f"address {number}", is_known=False) is None
        limits.note_wrong("casey")
    wait_s = limits.begin("casey", "yet another", is_known=False)
    assert wait_s is not None
    assert 1 <= wait_s <= 3600
    assert limits.begin("casey", "clinic", is_known=True) is None
    assert limits.begin("robin", "yet another", is_known=False) is None


def test_memory_of_wrong_tries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_MOST_REMEMBERED", 10)
    limits = RateLimits(Seconds())
    for number in range(100):
        limits.begin(f"name {number}", "a", is_known=False)
    assert len(limits._wrong) == 10


@pytest.mark.parametrize(
    ("deed", "of", "most"),
    [
        (Deed.SIGN_IN, "address", 60),
        (Deed.SIGN_IN, "account", 30),
        (Deed.CODE, "address", 20),
        (Deed.CODE, "account", 10),
        (Deed.ENROLMENT, "address", 20),
        (Deed.EXPORT, "account", 10),
    ],
)
def test_windows_refuse_the_first_one_too_many(deed: Deed, of: str, most: int) -> None:
    limits = RateLimits(Seconds())

    def keys(number: int) -> dict[str, str]:
        asked = {"address": f"a{number}", "account": f"b{number}", "practice": f"c{number}"}
        return asked | {of: "same"}

    assert [limits.count(deed, **keys(number)) for number in range(most)] == [None] * most
    wait_s = limits.count(deed, **keys(most))
    assert wait_s is not None
    assert wait_s >= 1
    assert limits.count(deed, **keys(most) | {of: "another"}) is None


@pytest.mark.parametrize(
    ("network", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_one_household_counts_as_one(network: str, counted: str) -> None:
    assert rate_limits.counted_as(network) == counted


def test_waits_are_said_in_whole_seconds_upwards() -> None:
    assert rate_limits.headers(0.2) == {"Retry-After": "1"}
    assert "Wait 1 second " in rate_limits.too_many(0.2).what_to_do
    assert "Wait 30 minutes" in rate_limits.too_many(1800).what_to_do
