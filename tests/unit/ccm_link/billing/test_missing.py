"""What the next code takes: how much, until when, and whether it can still be reached; and the days of a device."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ccm_link.billing import intervals
from ccm_link.billing.facts import Measured, Origin
from ccm_link.billing.proposal import Proposal, Why
from ccm_link.month import Month
from tests.made_up_month import (
    ATTESTED,
    NEW_YORK,
    called,
    episode,
    holds,
    in_program,
    measured,
    month,
    propose,
    units,
    worked,
)

MIDDLE = datetime(2026, 11, 15, 12, tzinfo=NEW_YORK)


def missing(found: Proposal) -> dict[str, str]:
    return {one.code: one.words for one in found.missing}


def test_says_minutes_and_seconds_and_the_day() -> None:
    found = propose(month([worked(3, 15 * 60 + 50)]), MIDDLE)
    assert missing(found) == {
        "99490": "4 min 10 s by 30 November",
        "99487": "44 min 10 s and medical decision making of moderate or high complexity, determined for the "
        "month by 30 November",
    }
    assert [one.code for one in found.missing] == ["99490", "99487"]


def test_says_what_a_further_unit_takes_until_the_cap() -> None:
    plain = in_program("ccm", attested={**ATTESTED, "complex_decisions": False})
    assert missing(propose(month([worked(3, 1500)], [plain]), MIDDLE)) == {
        "99439": "15 min by 30 November"
    }
    assert missing(propose(month([worked(3, 3600)], [plain]), MIDDLE)) == {}


def test_says_that_time_does_not_suffice_and_that_the_month_is_over() -> None:
    known = month([called(3, 60)])
    late = datetime(2026, 11, 30, 23, 50, tzinfo=NEW_YORK)
    found = {one.code: one for one in propose(known, late).missing}
    assert found["99470"].words == "9 min by 30 November"
    assert found["99457"].words == "19 min by 30 November, cannot be reached"
    assert [found[code].can_be_reached for code in ("99470", "99457")] == [True, False]
    over = missing(propose(known))
    assert over["99470"] == "9 min missing when the period ended on 30 November"


@pytest.mark.parametrize(
    ("changed", "died_at", "can_be_reached"),
    [
        pytest.param({}, None, True, id="in the program"),
        pytest.param({"consent_documented_at": None}, None, True, id="a consent may still come"),
        pytest.param({"ended_at": MIDDLE}, None, False, id="left"),
        pytest.param({}, MIDDLE - timedelta(days=1), False, id="dead"),
        pytest.param(
            {"consent_revoked_at": datetime(2026, 10, 30, tzinfo=NEW_YORK)},
            None,
            False,
            id="revoked",
        ),
    ],
)
def test_what_can_count_no_more_cannot_be_reached(
    changed: dict[str, Any], died_at: datetime | None, can_be_reached: bool
) -> None:
    known = month(
        [called(3, 60)],
        [in_program("rpm", **changed)],
        died_at=died_at,
        episodes=(episode(date(2026, 11, 1), [0]),),
        # How long a stay goes on nobody knows: the patient may be home tomorrow.
        away=intervals.between(MIDDLE, datetime(2026, 12, 1, tzinfo=NEW_YORK)),
    )
    found = propose(known, MIDDLE).missing
    assert {(one.code, one.can_be_reached) for one in found} >= {
        ("99470", can_be_reached),
        ("99445", can_be_reached),
    }


def test_the_end_of_the_month_is_the_practices() -> None:
    known = month([called(3, 60)])
    # 04:30 UTC on 1 December: 23:30 on 30 November in New York, half an hour left.
    found = propose(known, datetime(2026, 12, 1, 4, 30, tzinfo=UTC))
    assert all(one.can_be_reached for one in found.missing)
    assert not any(
        one.can_be_reached for one in propose(known, datetime(2026, 12, 1, 5, tzinfo=UTC)).missing
    )


@pytest.mark.parametrize(
    ("days", "at", "words"),
    [
        # Block from 29 October to 27 November; on 20 November noon, without a reading that day, 8 days are left.
        pytest.param(13, (2026, 11, 20), "needs 3 more days by 27 November", id="8 left"),
        pytest.param(8, (2026, 11, 20), "needs 8 more days by 27 November", id="exactly 8 left"),
        pytest.param(
            7, (2026, 11, 20), "needs 9 more days by 27 November, cannot be reached", id="9 of 8"
        ),
        pytest.param(15, (2026, 11, 27), "needs 1 more day by 27 November", id="the last day"),
        pytest.param(
            15,
            (2026, 11, 28),
            "1 more day missing when the period ended on 27 November",
            id="over",
        ),
    ],
)
def test_days_that_a_block_still_needs(days: int, at: tuple[int, int, int], words: str) -> None:
    known = month(episodes=(episode(date(2026, 10, 29), range(days)),))
    found = propose(known, datetime(*at, 12, tzinfo=NEW_YORK)).missing
    assert [one.words for one in found if one.code == "99454" and one.by_on.month == 11] == [words]


@pytest.mark.parametrize(
    ("day", "days", "can_be_reached"),
    [
        # Block until 27 November, 14 days of readings: two more fit into two days, if none of them has one already.
        pytest.param(date(2026, 11, 26), [*range(14)], True, id="today and tomorrow"),
        pytest.param(date(2026, 11, 26), [*range(13), 28], False, id="only tomorrow"),
        pytest.param(date(2026, 11, 25), [*range(13), 27], True, id="two days behind today"),
    ],
)
def test_a_day_that_has_a_reading_is_no_day_left(
    day: date, days: list[int], can_be_reached: bool
) -> None:
    known = month(episodes=(episode(date(2026, 10, 29), days),))
    at = datetime(day.year, day.month, day.day, 13, tzinfo=NEW_YORK)
    (found,) = (one for one in propose(known, at).missing if one.code == "99454")
    assert (found.days, found.can_be_reached) == (2, can_be_reached)


def test_nothing_more_can_be_measured_after_an_episode() -> None:
    found = episode(date(2026, 11, 1), range(15), ended_on=date(2026, 11, 16))
    at = datetime(2026, 11, 17, 12, tzinfo=NEW_YORK)
    proposal = propose(month(episodes=(found,)), at)
    (lacking,) = (one for one in proposal.missing if one.code == "99454")
    assert (lacking.days, lacking.can_be_reached) == (1, False)
    # The block keeps its length, however early the episode ended.
    assert [(line.code, line.last_on, line.is_over) for line in proposal.proposed] == [
        ("99445", date(2026, 11, 30), False)
    ]
    # But no service has a day on which the patient lived no more.
    (line,) = propose(month(episodes=(found,), died_at=at)).proposed
    assert (line.service_on, line.last_on) == (date(2026, 11, 17), date(2026, 11, 30))


def test_the_block_that_runs_is_shown_and_belongs_to_the_month_in_which_it_ends() -> None:
    found = episode(date(2026, 10, 20), range(60))
    november = propose(month(episodes=(found,)), datetime(2026, 11, 30, tzinfo=UTC))
    assert [(one.block.last_on, len(one.days)) for one in november.blocks] == [
        (date(2026, 11, 18), 30),
        (date(2026, 12, 18), 11),
    ]
    assert [(line.code, line.first_on) for line in november.proposed] == [
        ("99454", date(2026, 10, 20))
    ]
    assert missing(november)["99454"] == "needs 5 more days by 18 December"


def test_two_blocks_can_end_in_one_month() -> None:
    # 2 September to 1 October and 2 to 31 October: neither is stretched, nor moved.
    two = episode(date(2026, 9, 2), range(100))
    assert [
        (line.code, line.last_on)
        for line in propose(month(episodes=(two,), month=Month(2026, 10))).proposed
    ] == [("99454", date(2026, 10, 1)), ("99454", date(2026, 10, 31))]


@pytest.mark.parametrize("origin", [Origin.BY_HAND, Origin.IMPORTED, Origin.UNKNOWN])
def test_only_automatic_readings_make_days(origin: Origin) -> None:
    days = [date(2026, 11, 1) + timedelta(days=nth) for nth in range(20)]
    found = episode(date(2026, 11, 1), [], readings=measured(days, origin))
    proposal = propose(month(episodes=(found,)))
    assert units(proposal) == {}
    assert list(proposal.blocks[0].not_counted.values()) == [20]


def test_days_are_counted_not_readings_by_the_patients_clocks() -> None:
    # Ten readings on one evening in New York, of which some lie on the next day in UTC.
    evening = datetime(2026, 11, 3, 18, tzinfo=NEW_YORK).astimezone(UTC)
    readings = tuple(
        Measured(
            reading_id=UUID(int=nth),
            measured_at=evening + timedelta(minutes=30 * nth),
            origin=Origin.AUTOMATIC,
        )
        for nth in range(10)
    )
    undated = Measured(reading_id=UUID(int=77), measured_at=None, origin=Origin.AUTOMATIC)
    found = episode(date(2026, 11, 1), [], readings=(*readings, undated))
    proposal = propose(month(episodes=(found,)))
    assert [day.day for day in proposal.blocks[0].days] == [date(2026, 11, 3)]
    assert len(proposal.blocks[0].days[0].reading_ids) == 10
    assert proposal.undated_readings == 1
    assert units(proposal) == {}


def test_days_before_the_consent_do_not_count() -> None:
    consent = in_program("rpm", consent_documented_at=datetime(2026, 11, 16, tzinfo=NEW_YORK))
    found = episode(date(2026, 11, 1), range(30))
    proposal = propose(month(programs=[consent], episodes=(found,)))
    assert units(proposal) == {"99445": 1}
    assert proposal.blocks[0].not_counted == {"not_admitted": 15}


def test_a_block_over_the_turn_of_the_year_is_asked_about_where_rules_differ() -> None:
    # 12 December 2025 to 10 January 2026, 5 days: nothing by the rules of 2025, 99445 by those of 2026.
    found = episode(date(2025, 12, 12), range(5))
    proposal = propose(month(episodes=(found,), month=Month(2026, 1)))
    assert units(proposal) == {"99445": 1}
    assert "began in 2025, whose rules give nothing" in holds(proposal, Why.YEAR_CROSSED)[0].words
    same = episode(date(2025, 12, 12), range(20))
    assert not holds(propose(month(episodes=(same,), month=Month(2026, 1))), Why.YEAR_CROSSED)


def test_blocks_of_two_episodes_that_overlap_are_held() -> None:
    first = episode(date(2026, 10, 10), range(10), ended_on=date(2026, 10, 20))
    second = episode(date(2026, 10, 30), range(10))
    proposal = propose(month(episodes=(first, second)))
    assert units(proposal) == {}
    assert [line.code for line in proposal.held] == ["99445", "99445"]
    assert holds(proposal, Why.CONFLICT)[0].stops
    # The first one's last block ended on 8 November: a month later the second's may still begin within it.
    later = episode(date(2026, 11, 5), range(10))
    december = propose(month(episodes=(first, later), month=Month(2026, 12)))
    assert [line.code for line in december.held] == ["99445"]
    (hold,) = holds(december, Why.CONFLICT)
    assert "ended on 8 November" in hold.words
    assert hold.can_be_settled
