"""Units of each code at the edges of its rule: what is proposed, for which month, by which rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ccm_link.billing.facts import Counterpart, Method, Outcome, StaffRole
from ccm_link.billing.fates import Fate
from ccm_link.billing.proposal import Why
from ccm_link.month import Month
from tests.made_up_month import (
    ATTESTED,
    COLLEAGUE,
    DOCTOR,
    NEW_YORK,
    called,
    episode,
    holds,
    in_program,
    month,
    personal,
    propose,
    units,
    worked,
)

COMPLEX = in_program("ccm", attested={**ATTESTED, "complex_decisions": True})
PLAIN = in_program("ccm", attested={**ATTESTED, "complex_decisions": False})


def minutes(number: int, seconds: int = 0) -> int:
    return number * 60 + seconds


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(minutes(0, 1), {}, id="a second"),
        # Rounded up, this would be billed: 19 min 30 s.
        pytest.param(minutes(19, 30), {}, id="19:30"),
        pytest.param(minutes(19, 59), {}, id="19:59"),
        pytest.param(minutes(20), {"99490": 1}, id="20:00"),
        pytest.param(minutes(39, 59), {"99490": 1}, id="39:59"),
        pytest.param(minutes(40), {"99490": 1, "99439": 1}, id="40:00"),
        pytest.param(minutes(59, 59), {"99490": 1, "99439": 1}, id="59:59"),
        pytest.param(minutes(60), {"99490": 1, "99439": 2}, id="60:00"),
        pytest.param(minutes(300), {"99490": 1, "99439": 2}, id="5 h: two at most"),
    ],
)
def test_care_management_of_staff(seconds: int, expected: dict[str, int]) -> None:
    assert units(propose(month([worked(3, seconds)], [PLAIN]))) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(minutes(59, 59), {"99490": 1, "99439": 1}, id="59:59 falls back"),
        pytest.param(minutes(60), {"99487": 1}, id="60:00"),
        pytest.param(minutes(89, 59), {"99487": 1}, id="89:59"),
        pytest.param(minutes(90), {"99487": 1, "99489": 1}, id="90:00"),
        pytest.param(minutes(240), {"99487": 1, "99489": 6}, id="4 h: no cap"),
    ],
)
def test_complex_care_management(seconds: int, expected: dict[str, int]) -> None:
    assert units(propose(month([worked(3, seconds)], [COMPLEX]))) == expected


def test_undetermined_complexity_is_asked_about_and_never_assumed() -> None:
    found = propose(month([worked(3, minutes(60))]))
    assert units(found) == {"99490": 1, "99439": 2}
    (hold,) = holds(found, Why.CHOICE)
    assert hold.words.startswith("The time reaches it in place of 99490; not known: medical")
    assert not found.missing, "it can still be determined when the month is over"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(minutes(29, 59), {"99490": 1}, id="29:59 pooled with staff's"),
        pytest.param(minutes(30), {"99491": 1}, id="30:00"),
        pytest.param(minutes(59, 59), {"99491": 1}, id="59:59"),
        pytest.param(minutes(60), {"99491": 1, "99437": 1}, id="60:00"),
        pytest.param(minutes(120), {"99491": 1, "99437": 3}, id="2 h"),
    ],
)
def test_practitioners_own_minutes_when_preferred(seconds: int, expected: dict[str, int]) -> None:
    known = month([personal(3, seconds)], [PLAIN], prefers_personal=True)
    assert units(propose(known)) == expected


def test_practitioners_own_minutes_stay_in_the_pool_when_not_preferred() -> None:
    found = propose(month([personal(3, minutes(30)), worked(4, minutes(10))], [PLAIN]))
    assert units(found) == {"99490": 1, "99439": 1}
    (hold,) = holds(found, Why.CHOICE)
    assert hold.words == "30 min of the practitioner's own reach it in place of 99490."


@pytest.mark.parametrize(
    ("seconds", "of_staff", "expected"),
    [
        pytest.param(minutes(29, 59), True, {}, id="staff 29:59"),
        pytest.param(minutes(30), True, {"99426": 1}, id="staff 30:00"),
        pytest.param(minutes(60), True, {"99426": 1, "99427": 1}, id="staff 60:00"),
        pytest.param(minutes(150), True, {"99426": 1, "99427": 2}, id="staff: two at most"),
        pytest.param(minutes(30), False, {"99424": 1}, id="practitioner 30:00"),
        pytest.param(minutes(120), False, {"99424": 1, "99425": 3}, id="practitioner 2 h"),
    ],
)
def test_principal_care_management(seconds: int, of_staff: bool, expected: dict[str, int]) -> None:
    entry = (worked if of_staff else personal)(3, seconds, program="pcm")
    assert units(propose(month([entry], prefers_personal=True))) == expected


@pytest.mark.parametrize(
    ("year", "seconds", "expected"),
    [
        pytest.param(2026, minutes(9, 59), {}, id="9:59"),
        pytest.param(2026, minutes(10), {"99470": 1}, id="10:00"),
        pytest.param(2025, minutes(19, 59), {}, id="19:59 in 2025"),
        pytest.param(2026, minutes(19, 59), {"99470": 1}, id="19:59"),
        pytest.param(2026, minutes(20), {"99457": 1}, id="20:00, never both"),
        pytest.param(2026, minutes(39, 59), {"99457": 1}, id="39:59"),
        pytest.param(2026, minutes(40), {"99457": 1, "99458": 1}, id="40:00"),
        pytest.param(2026, minutes(60), {"99457": 1, "99458": 2}, id="60:00"),
        pytest.param(2019, minutes(60), {"99457": 1}, id="60:00 in 2019"),
    ],
)
def test_management_of_monitoring(year: int, seconds: int, expected: dict[str, int]) -> None:
    at = datetime(year, 11, 3, 17, tzinfo=UTC)
    known = month([called(3, seconds, at=at)], month=Month(year, 11))
    assert units(propose(known)) == expected


def test_more_units_than_payers_pay_are_proposed_and_asked_about() -> None:
    found = propose(month([called(3, minutes(80))]))
    assert units(found) == {"99457": 1, "99458": 3}
    (hold,) = holds(found, Why.CAP)
    assert hold.words == "3 units: payers commonly stop at 2."


@pytest.mark.parametrize(
    ("changed", "is_live"),
    [
        pytest.param({}, True, id="call that reached the patient"),
        pytest.param({"counterpart": Counterpart.CAREGIVER}, True, id="the caregiver"),
        pytest.param({"method": Method.VIDEO}, True, id="video"),
        pytest.param({"outcome": Outcome.VOICEMAIL}, False, id="voicemail"),
        pytest.param({"outcome": Outcome.NO_ANSWER}, False, id="no answer"),
        pytest.param({"method": Method.PORTAL_MESSAGE}, False, id="portal message"),
        pytest.param({"method": Method.TEXT_MESSAGE}, False, id="text message"),
        pytest.param({"counterpart": Counterpart.PHARMACY}, False, id="the pharmacy"),
        pytest.param({"role": StaffRole.UNATTENDED}, False, id="a program without a person"),
    ],
)
def test_only_a_live_interaction_opens_management(
    changed: dict[str, object], is_live: bool
) -> None:
    entries = [worked(2, minutes(25), program="rpm"), called(3, 60, **changed)]
    found = propose(month(entries))
    assert units(found) == ({"99457": 1} if is_live else {})
    if not is_live:
        missing = next(one for one in found.missing if one.code == "99457")
        assert (missing.seconds, missing.needs) == (0, ("live_interaction",))


@pytest.mark.parametrize(
    ("started_on", "days", "expected"),
    [
        pytest.param(date(2026, 11, 1), 1, {}, id="1 day"),
        pytest.param(date(2026, 11, 1), 2, {"99445": 1}, id="2 days"),
        pytest.param(date(2026, 11, 1), 15, {"99445": 1}, id="15 days"),
        pytest.param(date(2026, 11, 1), 16, {"99454": 1}, id="16 days, never both"),
        pytest.param(date(2026, 11, 1), 30, {"99454": 1}, id="30 days"),
        pytest.param(date(2025, 11, 1), 15, {}, id="15 days in 2025"),
        pytest.param(date(2025, 11, 1), 16, {"99454": 1}, id="16 days in 2025"),
    ],
)
def test_supply(started_on: date, days: int, expected: dict[str, int]) -> None:
    known = month(month=Month(started_on.year, 11), episodes=(episode(started_on, range(days)),))
    assert units(propose(known)) == expected


@pytest.mark.parametrize(
    ("year", "days", "expected"),
    [
        pytest.param(2025, 15, 0, id="2025: 15 days"),
        pytest.param(2025, 16, 1, id="2025: 16 days"),
        pytest.param(2026, 1, 0, id="2026: 1 day"),
        pytest.param(2026, 2, 1, id="2026: 2 days"),
    ],
)
def test_set_up_goes_with_the_first_block_of_days_enough(
    year: int, days: int, expected: int
) -> None:
    found = episode(date(year, 11, 1), range(days), is_set_up_billed=False)
    proposal = propose(month(month=Month(year, 11), episodes=(found,)))
    assert proposal.units("99453") == expected
    is_unsure = any("16" in hold.words for hold in holds(proposal, Why.UNSURE_RULE))
    assert is_unsure is (year == 2026 and expected == 1)


def test_set_up_is_billed_once_in_an_episode() -> None:
    # Blocks end on 30 October and 29 November; the first has 3 days, so November has no set-up to bill.
    found = episode(date(2026, 10, 1), [0, 1, 2, 30, 31], is_set_up_billed=False)
    known = month(episodes=(found,))
    assert propose(known).units("99453") == 0
    october = month(episodes=(found,), month=Month(2026, 10))
    assert propose(october).units("99453") == 1


@pytest.mark.parametrize("is_record_there", [False, None])
def test_set_up_without_a_record_is_held(is_record_there: bool | None) -> None:
    enrolment = in_program("rpm", attested={**ATTESTED, "set_up_record": is_record_there})
    found = episode(date(2026, 11, 1), range(20), is_set_up_billed=False)
    proposal = propose(month(programs=[enrolment], episodes=(found,)))
    assert units(proposal) == {"99454": 1}
    assert [line.code for line in proposal.held] == ["99453"]


def test_set_up_that_nobody_knows_of_is_held() -> None:
    found = episode(date(2026, 11, 1), range(20), is_set_up_billed=None)
    proposal = propose(month(episodes=(found,)))
    assert [line.code for line in proposal.held] == ["99453"]
    assert holds(proposal, Why.SET_UP)[0].stops


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(minutes(29, 59), {}, id="29:59"),
        pytest.param(minutes(30), {"99091": 1}, id="30:00"),
        pytest.param(minutes(90), {"99091": 1}, id="90:00: once"),
    ],
)
def test_interpretation_is_of_a_block_and_of_the_practitioner(
    seconds: int, expected: dict[str, int]
) -> None:
    # The block runs from 15 October to 13 November; the work was done in October.
    at = datetime(2026, 10, 20, 15, tzinfo=UTC)
    entry = personal(3, seconds, at=at, program="data_review")
    found = episode(date(2026, 10, 15), [0], ended_on=None)
    assert units(propose(month([entry], episodes=(found,)))) == expected
    by_staff = worked(3, seconds, at=at, program="data_review")
    assert units(propose(month([by_staff], episodes=(found,)))) == {}


def test_blocks_of_two_episodes_give_no_second_of_interpretation_twice() -> None:
    # Blocks end on 8 and 28 November; the work of 1 November lies in both.
    entry = personal(1, minutes(45), program="data_review")
    found = (
        episode(date(2026, 10, 10), [0], ended_on=date(2026, 10, 20)),
        episode(date(2026, 10, 30), [0]),
    )
    assert propose(month([entry], episodes=found)).units("99091") == 1
    # If the second's block ends a month later, the work is of the first one's still.
    found = (found[0], episode(date(2026, 11, 1), [0, 5]))
    assert propose(month([entry], episodes=found)).units("99091") == 1
    december = month([entry], episodes=found, month=Month(2026, 12))
    assert "data_review" not in propose(december).counted


@pytest.mark.parametrize(
    ("year", "family"),
    [(2016, {"99490": 1}), (2020, {"99490": 1, "G2058": 2}), (2021, {"99490": 1, "99439": 2})],
)
def test_each_year_has_its_own_codes(year: int, family: dict[str, int]) -> None:
    at = datetime(year, 11, 3, 17, tzinfo=UTC)
    known = month([worked(3, minutes(60), at=at)], [PLAIN], month=Month(year, 11))
    assert units(propose(known)) == family


def test_an_entry_over_midnight_of_the_months_end_is_split_by_the_practices_clocks() -> None:
    # 23:50 on 31 October in New York is 03:50 UTC on 1 November.
    at = datetime(2026, 10, 31, 23, 50, tzinfo=NEW_YORK).astimezone(UTC)
    entry = worked(3, minutes(30), at=at)
    assert propose(month([entry])).counted["ccm"].seconds == minutes(20)
    assert propose(month([entry], month=Month(2026, 10))).counted["ccm"].seconds == minutes(10)


@pytest.mark.parametrize(
    ("started", "ended"),
    [
        # 01:50 daylight time to 01:10 standard time: the hour between 1 and 2 comes twice.
        pytest.param((2026, 11, 1, 1, 50, 0), (2026, 11, 1, 1, 10, 1), id="autumn"),
        # 01:50 to 03:10 on the day on which 2 to 3 is skipped.
        pytest.param((2026, 3, 8, 1, 50, 0), (2026, 3, 8, 3, 10, 0), id="spring"),
    ],
)
def test_a_clock_change_makes_no_minute_and_takes_none(
    started: tuple[int, ...], ended: tuple[int, ...]
) -> None:
    started_at, ended_at = (
        datetime(*parts[:5], tzinfo=NEW_YORK, fold=parts[5])  # type: ignore[arg-type,misc]
        for parts in (started, ended)
    )
    entry = worked(3, 1, at=started_at.astimezone(UTC), ended_at=ended_at.astimezone(UTC))
    found = propose(month([entry], month=Month(started_at.year, started_at.month)))
    assert found.counted["ccm"].seconds == minutes(20)
    assert units(found) == {"99490": 1}


def test_work_of_two_people_at_once_counts_once_and_each_unit_names_its_entries() -> None:
    first = worked(3, minutes(15))
    second = worked(4, minutes(15), at=first.started_at + timedelta(minutes=10), staff_id=COLLEAGUE)
    found = propose(month([second, first]))
    (line,) = found.proposed
    assert [(share.entry_id, share.seconds) for share in line.units[0].shares] == [
        (first.entry_id, minutes(15)),
        (second.entry_id, minutes(5)),
    ]
    assert [(one.entry_id, one.fate, one.seconds) for one in found.set_aside] == [
        (second.entry_id, Fate.COUNTED_ALREADY, minutes(5))
    ]


def test_an_entry_within_another_does_not_open_it_for_a_third() -> None:
    long = worked(3, minutes(25))
    within = worked(4, minutes(5), at=long.started_at + timedelta(minutes=2), staff_id=COLLEAGUE)
    third = worked(5, minutes(5), at=long.started_at + timedelta(minutes=20), staff_id=DOCTOR)
    assert propose(month([long, within, third])).counted["ccm"].seconds == minutes(25)


def test_a_call_of_another_month_is_no_live_interaction_of_this_one() -> None:
    before = called(2, 60, at=datetime(2026, 10, 30, 15, tzinfo=UTC))
    known = month([before, worked(3, minutes(25), program="rpm")])
    assert units(propose(known)) == {}


def test_a_line_says_its_rows_with_source_and_certainty_and_from_when_it_can_be_billed() -> None:
    found = propose(month([worked(3, minutes(30)), worked(28, minutes(30))], [COMPLEX]))
    (line,) = found.proposed
    assert (line.code, line.service_on, line.last_on) == (
        "99487",
        date(2026, 11, 28),
        date(2026, 11, 30),
    )
    assert [(one.table, one.row.name) for one in line.rules] == [
        ("2020", "99487"),
        ("2017", "complex_decisions"),
        ("2015", "ccm"),
    ]
    assert all(one.row.source and one.row.certainty and one.line for one in line.rules)
    assert line.units[0].reached_at == datetime(2026, 11, 28, 17, 30, tzinfo=UTC)


def test_a_code_and_what_follows_it_are_of_the_day_on_which_the_last_unit_was_reached() -> None:
    before_midnight = datetime(2026, 11, 30, 23, 40, tzinfo=NEW_YORK).astimezone(UTC)
    entries = [worked(3, minutes(40)), worked(4, minutes(20), at=before_midnight)]
    found = propose(month(entries, [PLAIN]))
    assert [(line.code, line.count, line.service_on.day) for line in found.proposed] == [
        ("99439", 2, 30),
        ("99490", 1, 30),
    ]


def test_the_month_is_the_practices_and_the_days_are_the_patients() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    # 16:00 UTC on 30 November is 1 December in Tokyo.
    at = datetime(2026, 11, 30, 16, tzinfo=UTC)
    known = month([worked(3, minutes(20), at=at)], zone=tokyo)
    assert units(propose(known)) == {}
    assert units(propose(month([worked(3, minutes(20), at=at)]))) == {"99490": 1}
