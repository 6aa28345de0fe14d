"""What alerts asked of people: outcomes, shares and delays of each rule, and the load of days and people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts.measures import Severity
from ccm_link import alert_burden
from ccm_link.minutes.time_entry import Limits
from ccm_link.task import planned_tasks, tasks
from ccm_link.work import Disposition, Origin

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
HOUR = timedelta(hours=1)


def test_outcomes_shares_and_delays_of_a_rule(clinic: Any, noon: datetime) -> None:
    ends = [
        Disposition.REACHED_ADVISED,
        Disposition.EMERGENCY_SERVICES_ADVISED,
        Disposition.DEVICE_FAULT,
        Disposition.NOT_REACHED,
        None,  # still open
    ]
    opened = [
        clinic.open_task(clinic.patient if number % 2 else clinic.other_patient)
        for number in range(len(ends))
    ]
    clinic.open_task(severity=Severity.CLINICAL)
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        for number, (task_id, end) in enumerate(zip(opened, ends, strict=True), start=1):
            if end is None:
                continue
            tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon + number * HOUR)
            tasks.complete(
                cur,
                clinic.practice_id,
                task_id,
                clinic.ada,
                2,
                end,
                "Done.",
                noon + 2 * number * HOUR,
                limits=Limits(HOUR),
            )
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        planned_tasks.open_task(  # which no alert made, and nothing here counts
            cur,
            clinic.practice_id,
            clinic.patient,
            origin=Origin.BY_HAND,
            title="Call",
            severity=Severity.CLINICAL,
            due_at=None,
            owner_staff_id=clinic.ada,
            made_by=clinic.ada,
            reason="",
            at=noon,
        )
    with clinic.database.connect() as admin:
        admin.execute(
            "update alerts.episode set family = 'systolic-high' where severity = 'urgent'"
        )
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        found = alert_burden.of_practice(
            cur, clinic.practice_id, noon - timedelta(days=10), noon + timedelta(days=10)
        )
        before = alert_burden.of_practice(cur, clinic.practice_id, noon - timedelta(days=10), noon)
    urgent, clinical = found.rules
    assert (urgent.severity, clinical.severity) == (Severity.URGENT, Severity.CLINICAL)
    one = urgent.outcomes
    assert (one.opened, one.done, one.still_open, one.not_reached) == (5, 4, 1, 1)
    assert (one.actionable, one.decided) == (2, 3)
    assert one.actionable_percent == pytest.approx(200 / 3)
    assert one.by_disposition[Disposition.DEVICE_FAULT] == 1
    # Claimed after 1, 2, 3 and 4 hours, done after twice that.
    assert (one.seen_after_s, one.done_after_s) == (2.5 * 3600, 5 * 3600)
    assert sum(version.outcomes.opened for version in urgent.versions) == 5
    assert clinical.outcomes.actionable_percent is None
    assert clinical.outcomes.seen_after_s is None
    # Two patients, enrolled all of 20 days.
    assert (found.tasks, found.patients, found.patient_days) == (6, 2, 40)
    assert (found.per_100_patient_days, found.tasks_a_day) == (15, 0.3)
    assert [(day.tasks, day.urgent) for day in found.days] == [(6, 5)]
    assert [(person.display_name, person.done, person.held) for person in found.people] == [
        ("Ada", 4, 0)
    ]
    assert (before.tasks, before.tasks_a_day_and_person) == (0, None)

    with clinic.database.connect("homevitals_scheduler") as connection, connection.cursor() as cur:
        (load,) = alert_burden.of_practices(
            cur, noon - timedelta(days=10), noon + timedelta(days=10)
        )
    assert (load.tasks, load.actionable, load.not_actionable, load.patient_days) == (6, 2, 1, 40)
