"""How months are said: meters towards the next code, the calendar of a block, amounts."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ccm_link.billing.device_days import NotCounted
from ccm_link.billing.fates import Fate
from ccm_link.billing.proposal import Why
from ccm_link.claim.claim_states import ClaimState
from ccm_link.console.words import month_words
from tests.made_up_month import BOOK, episode, month, propose, worked

NOVEMBER = BOOK.on(date(2026, 11, 30))
SOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


def test_a_meter_says_what_is_reached_and_how_far_the_next_code_is() -> None:
    (one,) = month_words.meters(propose(month([worked(3, 950)]), SOON), ["ccm"], NOVEMBER)
    assert (one.seconds, one.goal_s, one.next_code) == (950, 1200, "99490")
    assert one.words == "Reached: no code yet. For 99490: 4 min 10 s by 30 November."
    (one,) = month_words.meters(propose(month([worked(3, 1500)]), SOON), ["ccm", "ccm"], NOVEMBER)
    assert one.words == "Reached: 99490 × 1. For 99439: 15 min by 30 November."
    (one,) = month_words.meters(propose(month([worked(3, 950)])), ["ccm"], NOVEMBER)
    assert (one.next_code, one.goal_s) == (None, 950)
    assert one.words == "Reached: no code yet. 99490 cannot be reached any more."


def test_a_block_is_thirty_days_with_what_was_measured() -> None:
    known = month(episodes=[episode(date(2026, 10, 30), range(3))])
    (block,) = propose(known, SOON).blocks
    days = list(month_words.calendar(block, date(2026, 11, 20)))
    assert (len(days), days[0].day, days[-1].day) == (30, date(2026, 10, 30), date(2026, 11, 28))
    assert [one.readings for one in days[:4]] == [1, 1, 1, 0]
    assert next(one.day for one in days if one.is_to_come) == date(2026, 11, 21)


def test_everything_has_its_words() -> None:
    assert set(month_words.FATES) == set(Fate)
    assert set(month_words.NOT_COUNTED) == set(NotCounted)
    assert set(month_words.WHYS) == set(Why)
    assert set(month_words.STATES) == set(ClaimState)
    assert month_words.dollars(5) == "$0.05"
    assert month_words.distance(250, 3) == "4 min 10 s and 3 days"
