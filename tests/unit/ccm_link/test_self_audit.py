"""The regulator's measures: what is counted, what is flagged, and that the unknown flags nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

from ccm_link.evidence import self_audit
from ccm_link.evidence.self_audit import Measure, Monitored, MonthBegun, Subject

WHOLE = Monitored(
    patient_id=uuid4(),
    first_on=date(2026, 3, 30),
    has_set_up=True,
    has_supply=True,
    has_management=True,
    was_seen_before=True,
    is_shared=False,
    most_supplies_a_month=1,
)


def found(subject: Subject, *monitored: Monitored) -> Measure:
    (one,) = (one for one in self_audit.measures(monitored, ()) if one.subject is subject)
    return one


def sudden(*patients: int) -> Measure:
    months = [
        MonthBegun(date(2025 + n // 12, n % 12 + 1, 1), many)
        for n, many in enumerate(patients)
        if many
    ]
    return self_audit.measures((), months)[0]


def test_nothing_is_flagged_where_every_part_is_there() -> None:
    measures = self_audit.measures((WHOLE,) * 5, ())
    assert {one.subject for one in measures if one.is_flagged} == set()
    assert [one.percent for one in measures[1:]] == [0.0] * 5


def test_nothing_is_said_where_nothing_is_claimed() -> None:
    assert {one.is_flagged for one in self_audit.measures((), ())} == {None}


def test_share_is_flagged_above_its_limit_only() -> None:
    alone = replace(WHOLE, has_management=False, was_seen_before=False)
    assert found(Subject.NO_MANAGEMENT, *[alone] * 3, WHOLE).is_flagged is False  # 75 %, not more
    assert found(Subject.NO_MANAGEMENT, *[alone] * 4, WHOLE).is_flagged is True
    assert found(Subject.NO_RELATIONSHIP, *[alone] * 4, WHOLE).is_flagged is False
    assert found(Subject.NO_RELATIONSHIP, *[alone] * 5, WHOLE).is_flagged is True


def test_one_patient_is_enough_where_none_should_be() -> None:
    shared = replace(WHOLE, is_shared=True)
    twice = replace(WHOLE, most_supplies_a_month=2)
    bare = replace(WHOLE, has_supply=False, most_supplies_a_month=None)
    assert found(Subject.SHARED, WHOLE, shared).patient_ids == (shared.patient_id,)
    assert found(Subject.SEVERAL_DEVICES, WHOLE, twice).is_flagged is True
    assert found(Subject.SET_UP_WITHOUT_SUPPLY, WHOLE, bare).percent == 50


def test_month_is_sudden_beside_the_six_before_it() -> None:
    assert sudden(40, 40, 40).is_flagged is None  # the beginning is no jump
    assert sudden(4, 5, 4, 5, 4, 5, 14).is_flagged is True
    assert sudden(4, 5, 4, 5, 4, 5, 13).is_flagged is False
    assert sudden(1, 0, 0, 0, 0, 0, 9).is_flagged is False  # too few to speak of
    assert sudden(1, 0, 0, 0, 0, 0, 10).month_on == date(2025, 7, 1)
