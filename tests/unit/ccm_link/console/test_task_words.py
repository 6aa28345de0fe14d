from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from alerts.episode import EpisodeEventKind
from alerts.measures import Severity
from ccm_link.console.words import task_words
from ccm_link.task.task_history import Line
from ccm_link.task.worklist import MeasuredToday, Tab
from ccm_link.work import Disposition, Origin, Task, TaskEventKind, TaskStatus

NOW = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
TASK = Task(
    practice_id=uuid4(),
    task_id=uuid4(),
    patient_id=uuid4(),
    patient_name="Ada",
    record_number="1",
    episode_id=uuid4(),
    origin=Origin.ALERT,
    title="Raised systolic pressure",
    severity=Severity.CLINICAL,
    status=TaskStatus.OPEN,
    candidate_role=None,
    owner_staff_id=None,
    owner_name=None,
    opened_at=NOW,
    due_at=NOW,
    overdue_at=None,
    breach_count=1,
    breached_at=NOW,
    breach_sentence="",
    is_late=False,
    is_of_reading=True,
    acknowledged_at=None,
    snoozed_at=None,
    snoozed_until=None,
    escalated_at=None,
    returned_at=None,
    return_count=0,
    in_range_at=None,
    completed_at=None,
    disposition=None,
    disposition_note=None,
    follows_task_id=None,
    schedule_id=None,
    row_version=1,
)


def test_every_tab_has_its_name_and_says_when_it_is_empty() -> None:
    assert list(task_words.TABS) == list(Tab)
    assert len({task_words.nothing_in(tab) for tab in Tab}) == len(Tab)


def test_a_task_bears_the_marks_that_are_true_of_it() -> None:
    assert list(task_words.marks(TASK, NOW, ZONE)) == []
    marked = replace(
        TASK,
        owner_staff_id=uuid4(),
        is_late=True,
        return_count=2,
        escalated_at=NOW,
        in_range_at=NOW,
        snoozed_at=NOW,
        snoozed_until=NOW + timedelta(minutes=30),
    )
    assert [mark.label for mark in task_words.marks(marked, NOW, ZONE)] == [
        "back again, 2 times",
        "became severer",
        "late",
        "back in range",
        "snoozed until 12 Nov 2026, 11:12 EST",
        "assigned",
    ]
    later = NOW + timedelta(minutes=30)
    labels = [mark.label for mark in task_words.marks(marked, later, ZONE)]
    assert not any(label.startswith("snoozed") for label in labels)


@pytest.mark.parametrize(
    ("severities", "longest"),
    [
        ([Severity.URGENT], "30 minutes"),
        ([Severity.CLINICAL], "1 day"),
        ([Severity.TECHNICAL, Severity.OUTREACH], "7 days"),
        ([Severity.TECHNICAL, Severity.CLINICAL], "1 day"),  # what all of them may
    ],
)
def test_no_longer_wait_is_offered_than_each_severity_allows(
    severities: list[Severity], longest: str
) -> None:
    assert task_words.waits(*severities)[-1][1] == longest


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line(at=NOW, event=TaskEventKind.CLAIMED), "Claimed"),
        (Line(at=NOW, event=TaskEventKind.ASSIGNED, owner_name="Robin"), "Assigned to Robin"),
        (
            Line(at=NOW, event=TaskEventKind.SNOOZED, until_at=NOW),
            "Snoozed until 12 Nov 2026, 10:42 EST",
        ),
        (
            Line(at=NOW, event=TaskEventKind.FELL_BACK, owner_name="Robin"),
            "Taken back from Robin",
        ),
        (
            Line(at=NOW, event=TaskEventKind.COMPLETED, disposition=Disposition.NOT_REACHED),
            "Completed (Patient not reached)",
        ),
        (
            Line(at=NOW, event=EpisodeEventKind.BREACHED_AGAIN, count=3),
            "Breached again, 3 times",
        ),
    ],
)
def test_a_line_of_the_history_says_what_happened(line: Line, words: str) -> None:
    assert task_words.happened(line, ZONE) == words


@pytest.mark.parametrize("event", [*TaskEventKind, *EpisodeEventKind])
def test_everything_that_can_happen_has_words(event: TaskEventKind | EpisodeEventKind) -> None:
    assert "_" not in task_words.happened(Line(at=NOW, event=event, owner_name="Robin"), ZONE)
    if isinstance(event, TaskEventKind):
        assert task_words.deed(event)


def test_the_clock_and_the_rules_are_told_apart() -> None:
    assert task_words.doer("Robin", TaskEventKind.CLAIMED) == "Robin"
    assert task_words.doer(None, TaskEventKind.FELL_BACK) == "the clock"
    assert task_words.doer(None, TaskEventKind.ESCALATED) == "the alert rules"


def test_who_measured_today_is_said_of_those_in_care() -> None:
    found = MeasuredToday(in_care=231, measured_today=214)
    assert task_words.measured(found) == "214 of 231 patients in care have measured today."
    found = MeasuredToday(in_care=1, measured_today=1)
    assert task_words.measured(found) == "1 of 1 patient in care has measured today."
