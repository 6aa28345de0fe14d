"""What may be posted about tasks; as in :mod:`ccm_link.console.posted.inputs`."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import model_validator

from ccm_link.console.posted.input_types import FewWords, Instant, RowVersion, WaitMinutes, Words
from ccm_link.console.posted.inputs import Input
from ccm_link.console.posted.time_inputs import WithContact
from ccm_link.task.worklist import Tab
from ccm_link.work import Disposition


class ClaimTask(Input):
    """The version of the task that was looked at."""

    row_version: RowVersion


class ReleaseTask(Input):
    """The version of the task that was looked at, and why it is given back."""

    row_version: RowVersion
    note: Words


class AssignTask(Input):
    """The version of the task that was looked at, whose it is to be, and what they should know."""

    row_version: RowVersion
    owner_staff_id: UUID
    note: FewWords = ""


class SnoozeTask(Input):
    """The version of the task that was looked at, until when it can wait, and why."""

    row_version: RowVersion
    until_at: Instant
    reason: Words


class SnoozeTaskForm(Input):
    """The same from the page, which offers spans."""

    row_version: RowVersion
    wait_minutes: WaitMinutes
    reason: Words


class EndSnooze(Input):
    """The version of the task that was looked at."""

    row_version: RowVersion


class ChosenTasks(Input):
    """What is to be done with the tasks that were chosen in the worklist, in which tab."""

    tab: Tab = Tab.NEEDS_ACTION
    deed: Literal["acknowledge", "assign", "snooze"]
    owner_staff_id: UUID | None = None
    wait_minutes: WaitMinutes | None = None
    reason: FewWords = ""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.deed == "assign" and self.owner_staff_id is None:
            raise ValueError("Choose the colleague whose tasks they are to be.")
        if self.deed == "snooze" and not (self.wait_minutes and self.reason):
            raise ValueError("Say for how long the tasks can wait, and why.")
        return self


class CompleteTask(WithContact):
    """What became of the task, and for a timer on it which contact was made."""

    row_version: RowVersion
    disposition: Disposition
    note: Words
