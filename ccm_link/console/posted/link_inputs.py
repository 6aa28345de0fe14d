"""What may be posted about other systems: where things go, what did not arrive, who reports time."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast
from uuid import UUID

from pydantic import AfterValidator, StringConstraints, create_model

from ccm_link.care_record.to_webhook import EVENTS
from ccm_link.console.posted.input_types import Ticked, Words, readable, written
from ccm_link.console.posted.inputs import Input

_Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(readable),
]
# Source: FHIR R4 (4.0.1), datatypes, id.
RemoteId = Annotated[
    str,
    written(
        "[A-Za-z0-9.-]{1,64}",
        "Write the id as the EHR shows it: letters, digits, points and dashes.",
    ),
]


def event_field(event: str) -> str:
    """Return the name of the tick for an event: “task.opened” is “tells_task_opened”."""
    return f"tells_{event.replace('.', '_')}"


class ConnectEhr(Input):
    """Which of the operator's EHRs is the practice's."""

    ehr: _Name


class _WebhookForm(Input):
    name: _Name
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    names_patients: Ticked = None

    @property
    def events(self) -> list[str]:
        """Return what is ticked."""
        return [one for one in EVENTS if getattr(self, event_field(one))]


_TICKS: Final[dict[str, Any]] = {event_field(one): (Ticked, None) for one in EVENTS}
AddWebhook = cast("type[_WebhookForm]", create_model("AddWebhook", __base__=_WebhookForm, **_TICKS))
"""Where to post, what it is told, and whether it may be told who the patient is."""


class EndReceiver(Input):
    """Why nothing is sent there any more."""

    reason: Words


class Redrive(Input):
    """Whether what was changed in the EHR is replaced."""

    overwrites: Ticked = None


class GiveUp(Input):
    """Why nobody needs it any more."""

    reason: Words


class MatchPatient(Input):
    """Who a patient is in the EHR."""

    remote_id: RemoteId


class AddSystem(Input):
    """A system that may report time."""

    name: _Name


class SayWho(Input):
    """Whom a system means by an id of its own."""

    external_id: _Name
    meant_staff_id: UUID
