"""Standing in for a colleague, and handing over all tasks of one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from ccm_link import errors
from ccm_link.task import cover, tasks, worklist
from ccm_link.task.worklist import Tab, Viewer

pytestmark = pytest.mark.db

DAY = timedelta(days=1)


def arrange(clinic: Any, noon: datetime, **given: Any) -> UUID:
    asked: dict[str, Any] = {
        "staff_id": clinic.ada,
        "covered_by": clinic.ben,
        "starts_at": noon,
        "ends_at": noon + 7 * DAY,
        "made_by": clinic.ada,
        "at": noon - DAY,
    }
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        return cover.arrange(cur, clinic.practice_id, **(asked | given))


def test_while_it_lasts_the_tasks_are_offered_and_can_be_taken_on(
    clinic: Any, noon: datetime
) -> None:
    task_id = clinic.open_task()
    clinic.evaluator.commit()
    arrange(clinic, noon)
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        task = tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon - DAY)
        before = noon - timedelta(minutes=1)
        assert cover.stands_in_for(cur, clinic.practice_id, clinic.ben, before) == frozenset()
        with pytest.raises(errors.TaskOwned):
            tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, task.row_version, before)
        away = cover.stands_in_for(cur, clinic.practice_id, clinic.ben, noon)
        assert away == {clinic.ada}
        looking = Viewer(clinic.practice_id, clinic.ben, noon, ZoneInfo("America/New_York"), away)
        assert [one.task_id for one in worklist.tasks_of(cur, looking, Tab.MINE)] == [task_id]
        assert worklist.counts(cur, looking)[Tab.MINE] == 1
        taken = tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, task.row_version, noon)
        assert (taken.owner_staff_id, taken.acknowledged_at) == (clinic.ben, noon)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        pytest.param({"covered_by": "ada"}, errors.BadCover, id="oneself"),
        pytest.param({"covered_by": "olga"}, errors.UnknownColleague, id="no clinical role"),
        pytest.param({"ends_at": -DAY}, errors.BadCover, id="ends before it begins"),
        pytest.param({"ends_at": 400 * DAY}, errors.BadCover, id="a year and more"),
        pytest.param({"starts_at": 3 * DAY}, errors.BadCover, id="overlaps the other"),
    ],
)
def test_what_cannot_be_a_cover_is_refused(
    clinic: Any, noon: datetime, wrong: dict[str, Any], error: type[Exception]
) -> None:
    arrange(clinic, noon)
    given = {
        name: noon + what if isinstance(what, timedelta) else getattr(clinic, what)
        for name, what in wrong.items()
    }
    with pytest.raises(error):
        arrange(clinic, noon, **given)


def test_what_is_called_off_makes_room_for_another(clinic: Any, noon: datetime) -> None:
    cover_id = arrange(clinic, noon)
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        cover.call_off(cur, clinic.practice_id, cover_id, clinic.ada, noon)
        with pytest.raises(errors.BadCover, match="called off already"):
            cover.call_off(cur, clinic.practice_id, cover_id, clinic.ada, noon)
        assert cover.to_come(cur, clinic.practice_id, noon) == []
    again = arrange(clinic, noon)
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        (found,) = cover.to_come(cur, clinic.practice_id, noon)
    assert (found.cover_id, found.staff_name, found.covered_by_name) == (again, "Ada", "Ben")


def test_all_tasks_of_somebody_go_to_a_colleague_who_may_see_them(
    clinic: Any, noon: datetime
) -> None:
    for patient_id in (clinic.patient, clinic.other_patient):
        task_id = clinic.open_task(patient_id)
        clinic.evaluator.commit()
        with clinic.console.transaction(), clinic.console.cursor() as cur:
            tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon)
    with clinic.owner.transaction():  # the other patient's care team is Ada alone
        clinic.owner.execute(
            "insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)"
            " values (%s, %s, %s, 'Works here.', %s)",
            (clinic.practice_id, clinic.other_patient, noon, clinic.ada),
        )
        clinic.owner.execute(
            "insert into ingest.care_team_member (practice_id, patient_id, staff_id, joined_at, added_by)"
            " values (%s, %s, %s, %s, %s)",
            (clinic.practice_id, clinic.other_patient, clinic.ada, noon, clinic.ada),
        )
    asked = {"from_staff_id": clinic.ada, "made_by": clinic.ada, "note": "Leaves.", "at": noon}
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        with pytest.raises(errors.MissingWords):
            cover.hand_over_all(
                cur, clinic.practice_id, **(asked | {"note": " "}), to_staff_id=clinic.ben
            )
        assert [(one.display_name, one.tasks) for one in cover.owners(cur, clinic.practice_id)] == [
            ("Ada", 2)
        ]
        done = cover.hand_over_all(cur, clinic.practice_id, **asked, to_staff_id=clinic.ben)
        assert (len(done.given), len(done.released), done.left) == (1, 1, 0)
        assert [(one.display_name, one.tasks) for one in cover.owners(cur, clinic.practice_id)] == [
            ("Ben", 1)
        ]
        mine = cover.hand_over_all(
            cur,
            clinic.practice_id,
            from_staff_id=clinic.ben,
            to_staff_id=clinic.ada,
            made_by=clinic.ada,
            note="Back.",
            at=noon,
        )
        assert [one.after.owner_staff_id for one in mine.given] == [clinic.ada]
        assert (mine.released, mine.left) == ([], 0)
