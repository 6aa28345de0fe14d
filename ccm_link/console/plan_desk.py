"""The steps that a form about one patient takes: checked, done in one transaction, shown again where it was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from ccm_link.console import patient_head, problems
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.patient_head import PatientHead
from ccm_link.console.posted import forms, input_types
from ccm_link.console.posted.forms import Fields, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import wording
from ccm_link.errors import CcmLinkError

Model = TypeVar("Model", bound=BaseModel)

TABS: Final = (
    ("", "Plan", Resource.CARE_PLAN),
    ("/medication", "Medication", Resource.MEDICATION),
    ("/stays", "Stays", Resource.STAY),
    ("/education", "Teaching and devices", Resource.EDUCATION),
)
"""The pages around a care plan: what follows the plan's address, the name, and what is shown."""


class Complaint(Exception):
    """Ends a form's transaction: what is wrong with which field is only known from what is stored."""

    def __init__(self, **fields: str) -> None:
        super().__init__()
        self.fields: Mapping[str, str] = fields


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a page.

    Attributes:
        name: begins the ids of its fields.
        show: the page, with the form that was refused.
        back: where the page is, behind the patient's address.
    """

    name: str
    show: Callable[[Desk, Cursor, UUID, Refusal], Response]
    back: str


def take(
    desk: Desk,
    patient_id: UUID,
    fields: Fields,
    form: Form,
    model: type[Model],
    deed: Callable[[Cursor, Model], StrEnum],
) -> Response:
    """Check a posted form and do what it asks for, or show its page again with what is wrong.

    1. Check the fields; the page is shown again where one cannot be used.
    2. In one transaction: load the patient, so that the walls speak first, and do the deed, which tells the trail.
    3. Lead to the page, which confirms it. A refusal from below takes everything back and is shown on the page.
    """
    given, complaints = forms.check(model, fields)
    if given is None:
        refusal = Refusal(form.name, fields, complaints)
    else:
        try:
            with desk.transaction() as cur:
                patient_head.load(cur, desk, patient_id)
                said = deed(cur, given)
            return RedirectResponse(f"/patients/{patient_id}{form.back}?said={said}", 303)
        except CcmLinkError as error:
            refusal = Refusal(form.name, fields, problem=problems.of_error(error))
        except Complaint as wrong:
            refusal = Refusal(form.name, fields, wrong.fields)
    with desk.transaction() as cur:
        return form.show(desk, cur, patient_id, refusal)


def instant(desk: Desk, cur: Cursor, name: str, day: date, wall: time) -> datetime:
    """Return the instant at which the practice's clocks showed a time.

    Raises:
        Complaint: They skipped it; the field of this name says so.
    """
    found = input_types.local_instant(day, wall, ZoneInfo(desk.practice(cur).time_zone))
    if found is None:
        raise Complaint(**{name: wording.SKIPPED_HOUR})
    return found


def around(desk: Desk, cur: Cursor, head: PatientHead, resource: Resource) -> dict[str, object]:
    """Return what every one of the pages shows beside its own: the patient, the tabs, whether its forms may be used."""
    grant = patient_head.grant(cur, desk, head.record.patient_id)
    return {
        "patient": head,
        "grant": grant,
        "tabs": [
            (suffix, name)
            for suffix, name, of in TABS
            if permissions.may(desk.who, of, Action.VIEW)
        ],
        "may_change": not grant and permissions.may(desk.who, resource, Action.CHANGE),
    }
