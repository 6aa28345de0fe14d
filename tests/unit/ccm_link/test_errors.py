from __future__ import annotations

import inspect
from datetime import UTC, datetime

import pytest

from ccm_link import errors

NEED_ARGUMENTS = {
    errors.TimerTooLong: (datetime(2026, 3, 1, tzinfo=UTC),),
    errors.OverlappingTime: ("your phone call",),
    errors.NoBillingTable: (2027,),
    errors.BadInterval: (errors.IntervalReason.TOO_LONG,),
    errors.BadSnooze: (errors.SnoozeReason.TOO_LONG,),
    errors.BadTask: (errors.BadTaskReason.PAST,),
    errors.BadCover: (errors.CoverReason.TWICE,),
    errors.BadSchedule: (errors.ScheduleReason.NEVER,),
}
CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.CcmLinkError)
]


@pytest.mark.parametrize("error", CLASSES)
def test_error_says_what_to_do_and_stands_in_the_tree(error: type[errors.CcmLinkError]) -> None:
    message = str(error(*NEED_ARGUMENTS.get(error, ())))
    assert message.endswith(".")
    assert message.count(". ") + message.count(": ") >= 1, "says what is wrong, but not what to do"
    assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("reason", errors.IntervalReason)
def test_every_interval_reason_has_its_own_words(reason: errors.IntervalReason) -> None:
    assert str(errors.BadInterval(reason))


@pytest.mark.parametrize("reason", errors.SnoozeReason)
def test_every_snooze_reason_has_its_own_words(reason: errors.SnoozeReason) -> None:
    assert str(errors.BadSnooze(reason))


def test_every_reason_about_planned_work_has_its_own_words() -> None:
    said = [str(errors.BadTask(reason)) for reason in errors.BadTaskReason]
    said += [str(errors.BadCover(reason)) for reason in errors.CoverReason]
    said += [str(errors.BadSchedule(reason)) for reason in errors.ScheduleReason]
    assert len(set(said)) == len(said)
    assert all(". " in one for one in said)
